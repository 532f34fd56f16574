namespace LowRankTools.Numerics;

/// <summary>
/// Counts what an engine does where nearly all of the work is: in products and in attention. Normalisations, activations
/// and sums are left out; they are a few operations for each entry.
/// </summary>
public sealed class WorkCounter
{
    private long _flops, _bytes;

    /// <summary>Floating-point operations, a multiplication and an addition being two. Scores that a causal mask hides do not count.</summary>
    public long Flops => Interlocked.Read(ref _flops);

    /// <summary>Bytes of all operands and results, each once a call.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>C (m x n) = A (m x k) B (k x n).</summary>
    public void AddProduct(ITensor a, ITensor b, ITensor c) =>
        Add(2L * a.Shape[0] * a.Shape[1] * b.Shape[1], a, b, c);

    /// <summary>softmax(Q K^T) V: two operations for each feature of a key and of a value that a query sees.</summary>
    public void AddAttention(AttentionShape shape, ITensor q, ITensor k, ITensor v, ITensor y)
    {
        long queries = q.Shape[0] / shape.Batch, keys = k.Shape[0] / shape.Batch;
        // The last query sees all keys, the one before all but one.
        long hidden = shape.Causal ? Math.Min(queries, keys) * (Math.Min(queries, keys) - 1) / 2 + Math.Max(0, queries - keys) * keys : 0;
        long features = (q.Shape[1] / shape.Heads) + (v.Shape[1] / shape.KeyHeads);
        Add(2L * shape.Batch * shape.Heads * (queries * keys - hidden) * features, q, k, v, y);
    }

    private void Add(long flops, params ReadOnlySpan<ITensor> tensors)
    {
        long bytes = 0;
        foreach (ITensor tensor in tensors)
            bytes += tensor.Length * (tensor.ElementType == ElementType.Float32 ? sizeof(float) : sizeof(double));
        Interlocked.Add(ref _flops, flops);
        Interlocked.Add(ref _bytes, bytes);
    }
}
