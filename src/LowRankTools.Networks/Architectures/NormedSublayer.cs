using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Architectures;

/// <summary>x + f(norm(x)) as x-transformers names it: a list of the norm (0) and f (1), attention or feed-forward.</summary>
internal sealed class NormedSublayer : Module
{
    private readonly Slot<Layer> _norm;
    private readonly Slot<Module> _sublayer;

    public NormedSublayer(Layer norm, Module sublayer)
    {
        _norm = AddChild("0", norm);
        _sublayer = AddChild("1", sublayer);
    }

    public override string TypeName => "ModuleList";

    /// <summary>Whether it is attention that looks at the encoder.</summary>
    public bool LooksAtMemory { get; init; }

    /// <summary>Runs the step; x is released.</summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="x">Tokens x width.</param>
    /// <param name="input">How the rows that are looked at are sequences: the memory's, where this step looks at it.</param>
    /// <param name="memory">The encoder's states, where this step looks at them.</param>
    public ITensor Forward(Pass pass, ITensor x, AttentionInput input, ITensor? memory) =>
        ResidualStep.Forward(pass, x, _norm.Module, n => _sublayer.Module is MultiHeadAttention attention
            ? attention.Forward(pass, n, memory, input)
            : ((Layer)_sublayer.Module).Forward(pass, n));

    /// <summary>The gradients at x and, where this step looks at it, at the memory.</summary>
    public (ITensor X, ITensor? Memory) Backward(Pass pass, ITensor gradient)
    {
        ITensor? dMemory = null;
        ITensor dx = ResidualStep.Backward(pass, gradient, _norm.Module, g =>
        {
            if (_sublayer.Module is not MultiHeadAttention attention)
                return ((Layer)_sublayer.Module).Backward(pass, g);
            (ITensor inner, dMemory) = attention.Backward(pass, g);
            return inner;
        });
        return (dx, dMemory);
    }
}

/// <summary>The feed-forward part as x-transformers names it: <c>net.0.0</c> with GELU, then <c>net.2</c>.</summary>
internal sealed class XFeedForward : Layer
{
    private readonly Slot<Sequential> _net;

    public XFeedForward(ParameterFactory factory, int width, int hidden) =>
        _net = AddChild("net", new Sequential(
            new Sequential(new Linear(factory, width, hidden), new ActivationLayer(Activation.Gelu)),
            new ActivationLayer(Activation.None),
            new Linear(factory, hidden, width)));

    public override string TypeName => "FeedForward";

    public override ITensor Forward(Pass pass, ITensor x) => _net.Module.Forward(pass, x);

    public override ITensor Backward(Pass pass, ITensor gradient) => _net.Module.Backward(pass, gradient);
}
