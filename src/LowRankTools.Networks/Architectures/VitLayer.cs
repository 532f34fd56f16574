using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Architectures;

/// <summary>A pre-norm layer under the names of Hugging Face's ViT.</summary>
internal sealed class VitLayer : Module
{
    private readonly Slot<Layer> _before, _after;
    private readonly Slot<Module> _attention;
    private readonly Slot<LinearLayer> _attentionOutput, _up, _down;
    private readonly Activation _activation;

    public VitLayer(ParameterFactory factory, VitConfig config)
    {
        int width = config.Width;
        _activation = config.Activation;
        Container attention = new("ViTAttention"), output = new("ViTSelfOutput"), intermediate = new("ViTIntermediate"), last = new("ViTOutput");
        _attention = attention.Add<Module>("attention", new ProjectedHeads(factory, width, config.Heads, config.QueryBias));
        _attentionOutput = output.Add<LinearLayer>("dense", new Linear(factory, width, width));
        attention.Add("output", output);
        AddChild("attention", attention);
        _up = intermediate.Add<LinearLayer>("dense", new Linear(factory, width, config.Hidden));
        AddChild("intermediate", intermediate);
        _down = last.Add<LinearLayer>("dense", new Linear(factory, config.Hidden, width));
        AddChild("output", last);
        _before = AddChild<Layer>("layernorm_before", new LayerNorm(factory, width, config.Epsilon));
        _after = AddChild<Layer>("layernorm_after", new LayerNorm(factory, width, config.Epsilon));
    }

    /// <summary>Runs the layer; x is released.</summary>
    public ITensor Forward(Pass pass, ITensor x, AttentionInput input)
    {
        ITensor middle = ResidualStep.Forward(pass, x, _before.Module, n => pass.Through(_attentionOutput.Module, SelfAttention.Forward(pass, _attention.Module, n, input)));
        return ResidualStep.Forward(pass, middle, _after.Module, n => pass.Through(_down.Module, _up.Module.Forward(pass, n, _activation)));
    }

    public ITensor Backward(Pass pass, ITensor gradient)
    {
        ITensor middle = ResidualStep.Backward(pass, gradient, _after.Module, g => _up.Module.Backward(pass, _down.Module.Backward(pass, g), _activation));
        return ResidualStep.Backward(pass, middle, _before.Module, g => SelfAttention.Backward(pass, _attention.Module, _attentionOutput.Module.Backward(pass, g)));
    }
}
