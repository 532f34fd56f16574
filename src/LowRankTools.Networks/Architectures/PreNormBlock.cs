using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Architectures;

/// <summary>A layer of GPT-2 or Llama: x + attention(norm(x)), then x + feedforward(norm(x)).</summary>
internal sealed class PreNormBlock : Module
{
    private readonly string _typeName;
    private readonly Slot<Layer> _attentionNorm, _forwardNorm, _forward;
    private readonly Slot<Module> _attention;

    public PreNormBlock(string typeName, (string Name, Layer Layer) attentionNorm, (string Name, Module Layer) attention,
        (string Name, Layer Layer) forwardNorm, (string Name, Layer Layer) forward)
    {
        _typeName = typeName;
        _attentionNorm = AddChild(attentionNorm.Name, attentionNorm.Layer);
        _attention = AddChild(attention.Name, attention.Layer);
        _forwardNorm = AddChild(forwardNorm.Name, forwardNorm.Layer);
        _forward = AddChild(forward.Name, forward.Layer);
    }

    public override string TypeName => _typeName;

    /// <summary>Runs the layer; x is released.</summary>
    public ITensor Forward(Pass pass, ITensor x, AttentionInput input)
    {
        ITensor middle = ResidualStep.Forward(pass, x, _attentionNorm.Module, n => SelfAttention.Forward(pass, _attention.Module, n, input));
        return ResidualStep.Forward(pass, middle, _forwardNorm.Module, n => _forward.Module.Forward(pass, n));
    }

    public ITensor Backward(Pass pass, ITensor gradient)
    {
        ITensor middle = ResidualStep.Backward(pass, gradient, _forwardNorm.Module, g => _forward.Module.Backward(pass, g));
        return ResidualStep.Backward(pass, middle, _attentionNorm.Module, g => SelfAttention.Backward(pass, _attention.Module, g));
    }
}
