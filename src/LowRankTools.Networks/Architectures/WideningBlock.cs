using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Architectures;

/// <summary>
/// A pre-norm layer of the sentence encoder. Where it changes the width, a dense layer brings what passes by to the new one.
/// </summary>
internal sealed class WideningBlock : Module
{
    private readonly Slot<Layer> _attentionNorm, _forwardNorm, _forward;
    private readonly Slot<PackedAttention> _attention;
    private readonly Slot<LinearLayer>? _bypass;

    public WideningBlock(ParameterFactory factory, SentenceEncoderConfig config, int inputs)
    {
        int width = config.Width;
        _attentionNorm = AddChild<Layer>("attention_norm", new LayerNorm(factory, inputs, config.Epsilon));
        _attention = AddChild("attention", new PackedAttention(new AttentionOptions(config.Heads), new Linear(factory, inputs, 3 * inputs), new Linear(factory, inputs, width), "qkv", "output"));
        _bypass = inputs == width ? null : AddChild<LinearLayer>("bypass", new Linear(factory, inputs, width));
        _forwardNorm = AddChild<Layer>("forward_norm", new LayerNorm(factory, width, config.Epsilon));
        _forward = AddChild<Layer>("forward", new FeedForward(new Linear(factory, width, config.Hidden), new Linear(factory, config.Hidden, width), Activation.Relu, "up", "down"));
    }

    /// <summary>Runs the layer; x is released.</summary>
    public ITensor Forward(Pass pass, ITensor x, AttentionInput input)
    {
        ITensor normalized = _attentionNorm.Module.Forward(pass, x);
        ITensor middle = _attention.Module.Forward(pass, normalized, input);
        pass.Release(normalized);
        ITensor passing = _bypass is null ? x : pass.Through(_bypass.Module, x);
        ResidualStep.Add(pass, passing, middle);
        return ResidualStep.Forward(pass, middle, _forwardNorm.Module, n => _forward.Module.Forward(pass, n));
    }

    public ITensor Backward(Pass pass, ITensor gradient)
    {
        ITensor middle = ResidualStep.Backward(pass, gradient, _forwardNorm.Module, g => _forward.Module.Backward(pass, g));
        ITensor dPassing = pass.Engine.Copy(middle, middle.ElementType);
        ITensor dx = _bypass is null ? dPassing : _bypass.Module.Backward(pass, dPassing);
        ResidualStep.Add(pass, _attentionNorm.Module.Backward(pass, _attention.Module.Backward(pass, middle)), dx);
        return dx;
    }
}
