using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Tests;

/// <summary>The embedded engine's network primitives on the instruction set of this process.</summary>
public sealed class NetworkEmbeddedEngineTests : NetworkConformance
{
    protected override INetworkEngine Engine { get; } = new EmbeddedEngine();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_bits_do_not_depend_on_threads(bool causal)
    {
        double[]? first = null;
        foreach (int threads in new[] { 1, 2, 5 })
        {
            var engine = new EmbeddedEngine(new ComputeOptions { ThreadCount = threads });
            var shape = new AttentionShape(2, 4, 2, causal, 0.25);
            using ITensor q = engine.Random(1, 2 * 300, 4 * 16), k = engine.Random(2, 2 * 300, 2 * 16), y = engine.Create(ElementType.Float32, 600, 64), sums = engine.Create(ElementType.Float32, 8, 300);
            using ITensor dq = engine.Create(ElementType.Float32, 600, 64), dk = engine.Create(ElementType.Float32, 600, 32), dv = engine.Create(ElementType.Float32, 600, 32), w = engine.Create(ElementType.Float32, 64), b = engine.Create(ElementType.Float32, 64);
            engine.Attention(shape, q, k, k, [], y, sums);
            engine.AttentionBackward(shape, q, k, k, [], y, sums, q, dq, dk, dv);
            engine.NormalizeBackward(Normalization.Layer, y, null, 1e-5, dq, dq, w, b);
            engine.AddColumnSums(q, w);
            double[] all = [.. engine.ToArray(y), .. engine.ToArray(dq), .. engine.ToArray(dk), .. engine.ToArray(dv), .. engine.ToArray(w), .. engine.ToArray(b)];
            first ??= all;
            Assert.Equal(first, all);
        }
    }

    [Fact]
    public void Rows_that_are_not_contiguous_are_refused()
    {
        using ITensor x = Engine.Create(ElementType.Float32, 4, 6);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Engine.Activate(Activation.Relu, Engine.Transpose(x), null, Engine.Transpose(x))).ErrorId);
    }
}
