using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers;

/// <summary>Attention of tokens to each other whose queries, keys and values one linear layer makes, in that order of columns.</summary>
public sealed class PackedAttention : Module
{
    private readonly Slot<LinearLayer> _packed, _out;
    private readonly ScaledDotProductAttention _heads;
    private readonly int _headsCount, _keyHeads;

    /// <summary>Creates an attention of two linear layers, named as in GPT-2.</summary>
    /// <param name="options">Heads; the names of it are not used.</param>
    /// <param name="packed">To (heads + 2 key heads) d features.</param>
    /// <param name="output">From heads x d features.</param>
    /// <param name="packedName">Name of the first.</param>
    /// <param name="outName">Name of the second.</param>
    public PackedAttention(AttentionOptions options, LinearLayer packed, LinearLayer output, string packedName = "c_attn", string outName = "c_proj")
    {
        (_headsCount, _keyHeads) = (options.Heads, options.KeyHeads == 0 ? options.Heads : options.KeyHeads);
        if (packed.OutFeatures % (_headsCount + (2 * _keyHeads)) != 0)
            throw new LowRankToolsException("ShapesDoNotMatch", $"{packed.OutFeatures} features are not {_headsCount} heads of queries and {_keyHeads} each of keys and values.");
        _packed = AddChild(packedName, packed);
        _out = AddChild(outName, output);
        _heads = new ScaledDotProductAttention(_headsCount, _keyHeads, options.Causal, options.Scale);
    }

    /// <inheritdoc/>
    public override string TypeName => "Attention";

    /// <summary>Attends.</summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="x">Tokens x features; stays the caller's.</param>
    /// <param name="input">Sequences, mask, positions.</param>
    /// <returns>Tokens x features, the caller's.</returns>
    public ITensor Forward(Pass pass, ITensor x, AttentionInput? input = null)
    {
        ITensor all = _packed.Module.Forward(pass, x);
        int width = all.Shape[1] / (_headsCount + (2 * _keyHeads)), q = _headsCount * width, k = _keyHeads * width;
        INetworkEngine engine = pass.Engine;
        ITensor y = _heads.Forward(pass, engine.Columns(all, 0, q), engine.Columns(all, q, k), engine.Columns(all, q + k, k), input ?? AttentionInput.Default, all);
        pass.Release(all);
        return pass.Through(_out.Module, y);
    }

    /// <summary>The gradient of x.</summary>
    /// <param name="pass">The pass of the way forward.</param>
    /// <param name="gradient">dy, taken over.</param>
    public ITensor Backward(Pass pass, ITensor gradient) =>
        _packed.Module.Backward(pass, _heads.BackwardPacked(pass, _out.Module.Backward(pass, gradient)));
}
