using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <summary>
/// Attention by libtorch's own kernel for the processor, which keeps its scores in the cache (Dao, Fu, Ermon, Rudra and Re, 2022). It
/// keeps no sums for the way back, and knows neither a mask beside causality nor heads of two widths; what it does not take it would
/// compute with all scores in memory.
/// </summary>
internal static class FusedAttention
{
    /// <summary>Whether it computes what the contract says.</summary>
    /// <param name="shape">Sequences, heads, causality, scale.</param>
    /// <param name="q">Queries: (batch n) x (heads d).</param>
    /// <param name="k">Keys: (batch m) x (key heads d).</param>
    /// <param name="v">Values: (batch m) x (key heads e).</param>
    /// <param name="keyMask">Whether a key may be seen, batch m entries; empty when all may.</param>
    public static bool Takes(AttentionShape shape, ITensor q, ITensor k, ITensor v, ReadOnlySpan<bool> keyMask)
    {
        // Its causal queries are counted from the first key, ours from the last; and each needs a key to look at.
        if (k.Shape[1] != v.Shape[1] || k.Length == 0 || (shape.Causal && (q.Shape[0] != k.Shape[0] || !keyMask.IsEmpty))) return false;
        int keys = k.Shape[0] / shape.Batch;
        for (int i = 0; i < keyMask.Length; i += keys)
        {
            if (!keyMask.Slice(i, keys).Contains(true)) return false;
        }

        return true;
    }

    /// <summary>y = softmax(Q K^T scale) V for each head of each sequence.</summary>
    /// <param name="shape">Sequences, heads, causality, scale.</param>
    /// <param name="q">Queries: (batch n) x (heads d).</param>
    /// <param name="k">Keys: (batch m) x (key heads d).</param>
    /// <param name="v">Values: (batch m) x (key heads d).</param>
    /// <param name="keyMask">Whether a key may be seen, batch m entries; empty when all may.</param>
    /// <param name="y">(batch n) x (heads d), written.</param>
    public static void Compute(AttentionShape shape, Tensor q, Tensor k, Tensor v, bool[] keyMask, Tensor y)
    {
        // It scales by 1 / sqrt(d); what is left of another factor goes to the queries.
        double rest = shape.Scale * Math.Sqrt(q.shape[1] / shape.Heads);
        if (Math.Abs(rest - 1) > 1e-15) q = q.mul(rest);
        Tensor? mask = keyMask.Length == 0 ? null : tensor(keyMask, ScalarType.Bool).view(shape.Batch, 1, 1, -1);
        Tensor heads = nn.functional.scaled_dot_product_attention(Heads(q, shape.Heads), Shared(k), Shared(v), mask, is_casual: shape.Causal);
        Heads(y, shape.Heads).copy_(heads);

        // Sequences x heads x rows x width, a view.
        Tensor Heads(Tensor x, int count) => x.view(shape.Batch, -1, count, x.shape[1] / count).transpose(1, 2);

        // Heads of keys for as many heads of queries.
        Tensor Shared(Tensor x)
        {
            Tensor own = Heads(x, shape.KeyHeads);
            long group = shape.Heads / shape.KeyHeads;
            return group == 1 ? own : own.unsqueeze(2).expand(-1, -1, group, -1, -1).flatten(1, 2);
        }
    }
}
