using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Architectures;

/// <summary>A post-norm layer: y = norm(x + attention(x)), then norm(y + feedforward(y)).</summary>
internal sealed class BertLayer : Module
{
    private readonly Slot<Module> _attention;
    private readonly Slot<LinearLayer> _up;
    private readonly Activation _activation;
    private readonly BertOutput _attentionOutput, _output;

    public BertLayer(ParameterFactory factory, BertConfig config)
    {
        int width = config.Width;
        _activation = config.Activation;
        Container attention = new("BertAttention"), intermediate = new("BertIntermediate");
        _attention = attention.Add<Module>("self", new ProjectedHeads(factory, width, config.Heads, bias: true));
        _attentionOutput = attention.Add("output", new BertOutput("BertSelfOutput", factory, width, config)).Module;
        AddChild("attention", attention);
        _up = intermediate.Add<LinearLayer>("dense", new Linear(factory, width, config.Hidden));
        AddChild("intermediate", intermediate);
        _output = AddChild("output", new BertOutput("BertOutput", factory, config.Hidden, config)).Module;
    }

    /// <summary>Runs the layer; x is released.</summary>
    public ITensor Forward(Pass pass, ITensor x, AttentionInput input)
    {
        ITensor y = _attentionOutput.Forward(pass, SelfAttention.Forward(pass, _attention.Module, x, input), x);
        return _output.Forward(pass, _up.Module.Forward(pass, y, _activation), y);
    }

    public ITensor Backward(Pass pass, ITensor gradient)
    {
        (ITensor dHidden, ITensor dy) = _output.Backward(pass, gradient);
        ResidualStep.Add(pass, _up.Module.Backward(pass, dHidden, _activation), dy);
        (ITensor dMixed, ITensor dx) = _attentionOutput.Backward(pass, dy);
        ResidualStep.Add(pass, SelfAttention.Backward(pass, _attention.Module, dMixed), dx);
        return dx;
    }
}

/// <summary>norm(dense(x) + residual).</summary>
internal sealed class BertOutput : Module
{
    private readonly string _typeName;
    private readonly Slot<LinearLayer> _dense;
    private readonly Slot<Layer> _norm;

    public BertOutput(string typeName, ParameterFactory factory, int inputs, BertConfig config)
    {
        _typeName = typeName;
        _dense = AddChild<LinearLayer>("dense", new Linear(factory, inputs, config.Width));
        _norm = AddChild<Layer>("LayerNorm", new LayerNorm(factory, config.Width, config.Epsilon));
    }

    public override string TypeName => _typeName;

    /// <summary>Both x and the residual are released.</summary>
    public ITensor Forward(Pass pass, ITensor x, ITensor residual)
    {
        ITensor y = pass.Through(_dense.Module, x);
        ResidualStep.Add(pass, residual, y);
        return pass.Through(_norm.Module, y);
    }

    /// <summary>The gradients at x and at the residual.</summary>
    public (ITensor Input, ITensor Residual) Backward(Pass pass, ITensor gradient)
    {
        ITensor dy = _norm.Module.Backward(pass, gradient);
        return (_dense.Module.Backward(pass, pass.Engine.Copy(dy, dy.ElementType)), dy);
    }
}
