using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers;

/// <summary>Heads and names of a <see cref="MultiHeadAttention"/>.</summary>
/// <param name="Heads">Heads of the queries.</param>
public sealed record AttentionOptions(int Heads)
{
    /// <summary>Heads of keys and values; 0 for as many as the queries have.</summary>
    public int KeyHeads { get; init; }

    /// <summary>Whether a token sees only tokens up to its own place.</summary>
    public bool Causal { get; init; }

    /// <summary>Factor of the inner products; null for 1 / sqrt(width of a head).</summary>
    public double? Scale { get; init; }

    /// <summary>Names of the projections to queries, keys, values and out.</summary>
    public (string Query, string Key, string Value, string Out) Names { get; init; } = ("to_q", "to_k", "to_v", "to_out");
}

/// <summary>
/// Attention with its projections: queries from x, keys and values from x or from a context, and a projection of what the
/// heads give. The class name that is printed is <c>Attention</c>.
/// </summary>
public sealed class MultiHeadAttention : Module
{
    private readonly Slot<LinearLayer> _query, _key, _value, _out;
    private readonly ScaledDotProductAttention _heads;

    /// <summary>Creates an attention of four linear layers, each dense or a pair.</summary>
    /// <param name="options">Heads and names.</param>
    /// <param name="query">To heads x d features.</param>
    /// <param name="key">To key heads x d features.</param>
    /// <param name="value">To key heads x e features.</param>
    /// <param name="output">From heads x e features.</param>
    public MultiHeadAttention(AttentionOptions options, LinearLayer query, LinearLayer key, LinearLayer value, LinearLayer output)
    {
        _query = AddChild(options.Names.Query, query);
        _key = AddChild(options.Names.Key, key);
        _value = AddChild(options.Names.Value, value);
        _out = AddChild(options.Names.Out, output);
        _heads = new ScaledDotProductAttention(options.Heads, options.KeyHeads == 0 ? options.Heads : options.KeyHeads, options.Causal, options.Scale);
    }

    /// <inheritdoc/>
    public override string TypeName => "Attention";

    /// <summary>Attends from x to a context, or to itself.</summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="x">Tokens x features; stays the caller's.</param>
    /// <param name="context">Tokens x features that keys and values come from, or null for x.</param>
    /// <param name="input">Sequences, mask, positions.</param>
    /// <returns>Tokens x features, the caller's.</returns>
    public ITensor Forward(Pass pass, ITensor x, ITensor? context = null, AttentionInput? input = null)
    {
        ITensor source = context ?? x;
        ITensor q = _query.Module.Forward(pass, x), k = _key.Module.Forward(pass, source), v = _value.Module.Forward(pass, source);
        ITensor y = _heads.Forward(pass, q, k, v, input ?? AttentionInput.Default);
        pass.Release(q);
        pass.Release(k);
        pass.Release(v);
        pass.Save(this, context is not null);
        return pass.Through(_out.Module, y);
    }

    /// <summary>The gradients of x and, where there was one, of the context.</summary>
    /// <param name="pass">The pass of the way forward.</param>
    /// <param name="gradient">dy, taken over.</param>
    public (ITensor X, ITensor? Context) Backward(Pass pass, ITensor gradient)
    {
        (ITensor dq, ITensor dk, ITensor dv) = _heads.Backward(pass, _out.Module.Backward(pass, gradient));
        bool crossed = pass.Restore<bool>(this);
        ITensor dSource = _value.Module.Backward(pass, dv);
        Add(pass, _key.Module.Backward(pass, dk), dSource);
        ITensor dx = _query.Module.Backward(pass, dq);
        if (crossed) return (dx, dSource);
        Add(pass, dSource, dx);
        return (dx, null);
    }

    private static void Add(Pass pass, ITensor from, ITensor to)
    {
        pass.Engine.AddScaled(1, from, 1, to);
        from.Dispose();
    }
}
