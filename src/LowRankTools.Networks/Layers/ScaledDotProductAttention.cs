using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>softmax(Q K^T scale) V for each head (Vaswani et al., 2017), without parameters and without ever holding all scores.</summary>
/// <param name="heads">Heads of the queries.</param>
/// <param name="keyHeads">Heads of keys and values; each serves heads / keyHeads heads of the queries.</param>
/// <param name="causal">Whether a query sees only keys up to its own place.</param>
/// <param name="scale">Factor of the inner products; null for 1 / sqrt(width of a head).</param>
public sealed class ScaledDotProductAttention(int heads, int keyHeads, bool causal = false, double? scale = null) : Module
{
    /// <summary>Computes the heads' outputs.</summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="q">Rows x (heads d), turned in place where there are rotary positions.</param>
    /// <param name="k">Rows x (key heads d), turned in place too.</param>
    /// <param name="v">Rows x (key heads e).</param>
    /// <param name="input">Sequences, mask, positions.</param>
    /// <param name="owners">Where q, k and v are views: the tensors that own their memory.</param>
    /// <returns>Rows x (heads e). To be read only: the way back needs it.</returns>
    public ITensor Forward(Pass pass, ITensor q, ITensor k, ITensor v, AttentionInput input, params ReadOnlySpan<ITensor> owners)
    {
        INetworkEngine engine = pass.Engine;
        AttentionShape shape = Shape(q, input);
        Turn(pass, q, k, input, back: false);
        ITensor y = pass.New(q, q.Shape[0], v.Shape[1] / keyHeads * heads);
        ITensor? logSums = pass.IsTraining ? pass.New(q, heads, q.Shape[0]) : null;
        engine.Attention(shape, q, k, v, input.KeyMask, y, logSums, pass.CancellationToken);
        if (logSums is null) return y;
        pass.Save(this, new State(q, k, v, y, logSums, input), [.. owners, q, k, v, y, logSums]);
        pass.Release(logSums);
        return y;
    }

    /// <summary>The gradients of queries, keys and values, the caller's.</summary>
    /// <param name="pass">The pass of the way forward.</param>
    /// <param name="gradient">dy, taken over.</param>
    public (ITensor Q, ITensor K, ITensor V) Backward(Pass pass, ITensor gradient)
    {
        State state = pass.Restore<State>(this);
        ITensor dq = pass.New(gradient, [.. state.Q.Shape]), dk = pass.New(gradient, [.. state.K.Shape]), dv = pass.New(gradient, [.. state.V.Shape]);
        Backward(pass, state, gradient, dq, dk, dv);
        return (dq, dk, dv);
    }

    /// <summary>The same where queries, keys and values were columns of one matrix, in that order: its gradient.</summary>
    /// <param name="pass">The pass of the way forward.</param>
    /// <param name="gradient">dy, taken over.</param>
    public ITensor BackwardPacked(Pass pass, ITensor gradient)
    {
        State state = pass.Restore<State>(this);
        int q = state.Q.Shape[1], k = state.K.Shape[1], v = state.V.Shape[1];
        ITensor all = pass.New(gradient, state.Q.Shape[0], q + k + v);
        INetworkEngine engine = pass.Engine;
        Backward(pass, state, gradient, engine.Columns(all, 0, q), engine.Columns(all, q, k), engine.Columns(all, q + k, v));
        return all;
    }

    private void Backward(Pass pass, State state, ITensor gradient, ITensor dq, ITensor dk, ITensor dv)
    {
        (ITensor q, ITensor k, ITensor v, ITensor y, ITensor logSums, AttentionInput input) = state;
        pass.Engine.AttentionBackward(Shape(q, input), q, k, v, input.KeyMask, y, logSums, gradient, dq, dk, dv, pass.CancellationToken);
        gradient.Dispose();
        Turn(pass, dq, dk, input, back: true);
    }

    private AttentionShape Shape(ITensor q, AttentionInput input) =>
        new(input.Batch, heads, keyHeads, causal, scale ?? 1 / Math.Sqrt((double)q.Shape[1] / heads));

    private void Turn(Pass pass, ITensor q, ITensor k, AttentionInput input, bool back)
    {
        if (input.Rotary is not { } tables) return;
        pass.Engine.Rotate(q, heads, tables.Cosines, tables.Sines, tables.Interleaved, back, q, pass.CancellationToken);
        pass.Engine.Rotate(k, keyHeads, tables.Cosines, tables.Sines, tables.Interleaved, back, k, pass.CancellationToken);
    }

    private sealed record State(ITensor Q, ITensor K, ITensor V, ITensor Y, ITensor LogSums, AttentionInput Input);
}
