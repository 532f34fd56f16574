using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Architectures;

/// <summary>Attention of tokens to each other, whichever way an architecture keeps its projections.</summary>
internal static class SelfAttention
{
    public static ITensor Forward(Pass pass, Module attention, ITensor x, AttentionInput input) => attention switch
    {
        MultiHeadAttention split => split.Forward(pass, x, null, input),
        PackedAttention packed => packed.Forward(pass, x, input),
        ProjectedHeads heads => heads.Forward(pass, x, input),
        _ => throw Unknown(attention),
    };

    public static ITensor Backward(Pass pass, Module attention, ITensor gradient) => attention switch
    {
        MultiHeadAttention split => split.Backward(pass, gradient).X,
        PackedAttention packed => packed.Backward(pass, gradient),
        ProjectedHeads heads => heads.Backward(pass, gradient),
        _ => throw Unknown(attention),
    };

    private static NotSupportedException Unknown(Module attention) => new($"{attention.TypeName} is no attention.");
}

/// <summary>
/// Attention without a projection of its output, which BERT and ViT keep in a module beside it: queries, keys and values
/// from the same tokens.
/// </summary>
internal sealed class ProjectedHeads : Module
{
    private readonly Slot<LinearLayer> _query, _key, _value;
    private readonly ScaledDotProductAttention _heads;

    public ProjectedHeads(ParameterFactory factory, int width, int heads, bool bias)
    {
        _query = AddChild<LinearLayer>("query", new Linear(factory, width, width, bias));
        _key = AddChild<LinearLayer>("key", new Linear(factory, width, width, bias));
        _value = AddChild<LinearLayer>("value", new Linear(factory, width, width, bias));
        _heads = new ScaledDotProductAttention(heads, heads);
    }

    public override string TypeName => "SelfAttention";

    public ITensor Forward(Pass pass, ITensor x, AttentionInput input)
    {
        ITensor q = _query.Module.Forward(pass, x), k = _key.Module.Forward(pass, x), v = _value.Module.Forward(pass, x);
        ITensor y = _heads.Forward(pass, q, k, v, input);
        pass.Release(q);
        pass.Release(k);
        pass.Release(v);
        return y;
    }

    public ITensor Backward(Pass pass, ITensor gradient)
    {
        (ITensor dq, ITensor dk, ITensor dv) = _heads.Backward(pass, gradient);
        ITensor dx = _value.Module.Backward(pass, dv);
        ResidualStep.Add(pass, _key.Module.Backward(pass, dk), dx);
        ResidualStep.Add(pass, _query.Module.Backward(pass, dq), dx);
        return dx;
    }
}
