using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Engines;

/// <summary>What the operations of an engine count as in a <see cref="WorkCounter"/>.</summary>
public static class OperationWork
{
    /// <summary>C (m x n) = A (m x k) B (k x n).</summary>
    public static void AddProduct(this WorkCounter counter, ITensor a, ITensor b, ITensor c) =>
        Add(counter, 2L * a.Shape[0] * a.Shape[1] * b.Shape[1], a, b, c);

    /// <summary>softmax(Q K^T) V: two operations for each feature of a key and of a value that a query sees.</summary>
    public static void AddAttention(this WorkCounter counter, AttentionShape shape, ITensor q, ITensor k, ITensor v, ITensor y)
    {
        long queries = q.Shape[0] / shape.Batch, keys = k.Shape[0] / shape.Batch;
        // The last query sees all keys, the one before all but one.
        long hidden = shape.Causal ? Math.Min(queries, keys) * (Math.Min(queries, keys) - 1) / 2 + Math.Max(0, queries - keys) * keys : 0;
        long features = (q.Shape[1] / shape.Heads) + (v.Shape[1] / shape.KeyHeads);
        Add(counter, 2L * shape.Batch * shape.Heads * (queries * keys - hidden) * features, q, k, v, y);
    }

    private static void Add(WorkCounter counter, long flops, params ReadOnlySpan<ITensor> tensors)
    {
        long bytes = 0;
        foreach (ITensor tensor in tensors)
            bytes += tensor.Length * (tensor.ElementType == ElementType.Float32 ? sizeof(float) : sizeof(double));
        counter.Add(flops, bytes);
    }
}
