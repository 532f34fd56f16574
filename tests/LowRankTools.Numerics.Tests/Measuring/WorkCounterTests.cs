using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Memory;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Tests.Measuring;

public sealed class WorkCounterTests
{
    private readonly WorkCounter _counter = new();

    private EmbeddedEngine Engine => new(new ComputeOptions { Counter = _counter });

    [Fact]
    public void Products_are_two_operations_for_each_term_and_their_matrices_once()
    {
        EmbeddedEngine engine = Engine;
        using ITensor a = engine.Random(1, 3, 5), b = engine.Random(2, 5, 7), c = engine.Create(ElementType.Float32, 3, 7);
        engine.MatMul(1, a, b, 0, c);
        Assert.Equal((2 * 3 * 5 * 7, 4 * (15 + 35 + 21)), (_counter.Flops, _counter.Bytes));
        engine.MatMul(1, a, b, 0, c);
        Assert.Equal(2 * 2 * 3 * 5 * 7, _counter.Flops);
    }

    [Theory]
    [InlineData(4, 4, false)]
    [InlineData(4, 4, true)]
    [InlineData(3, 5, true)]
    [InlineData(5, 3, true)]
    [InlineData(1, 6, true)]
    public void Attention_counts_what_queries_see(int queries, int keys, bool causal)
    {
        const int batch = 2, heads = 4, keyHeads = 2, width = 8, valueWidth = 6;
        EmbeddedEngine engine = Engine;
        using ITensor q = engine.Random(1, batch * queries, heads * width), k = engine.Random(2, batch * keys, keyHeads * width), v = engine.Random(3, batch * keys, keyHeads * valueWidth);
        using ITensor y = engine.Create(ElementType.Float32, batch * queries, heads * valueWidth);
        engine.Attention(new AttentionShape(batch, heads, keyHeads, causal, 1), q, k, v, [], y, null);
        int seen = Enumerable.Range(0, queries).Sum(i => Enumerable.Range(0, keys).Count(j => !causal || j <= i + keys - queries));
        Assert.Equal(2L * batch * heads * seen * (width + valueWidth), _counter.Flops);
        Assert.Equal(4 * (q.Length + k.Length + v.Length + y.Length), _counter.Bytes);
    }

    [Fact]
    public void The_peak_of_native_memory_is_what_was_held_at_once()
    {
        // Other tests run beside this one and hold memory of their own; this much they do not.
        const int side = 8192;
        const long bytes = (long)side * side * sizeof(float);
        long before = NativeMemoryUse.Bytes;
        NativeMemoryUse.ResetPeak();
        new Matrix<float>(side, side).Dispose();
        new Matrix<float>(side, side).Dispose();
        Assert.InRange(NativeMemoryUse.Peak - before, bytes / 2, 2 * bytes - 1);
        Assert.InRange(NativeMemoryUse.Bytes - before, -bytes / 2, bytes / 2);
    }
}
