using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.Tests;
using LowRankTools.TorchSharp.Engine;

namespace LowRankTools.TorchSharp.Tests;

/// <summary>The network primitives of TorchSharp beside their definitions, and beside the embedded engine where that has gradients.</summary>
[Collection(LibTorch.Name)]
public sealed class TorchSharpNetworkTests : NetworkConformance
{
    private static readonly INetworkEngine s_embedded = new EmbeddedEngine();

    protected override INetworkEngine Engine { get; } = new TorchSharpEngine(LibTorch.Device);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradients_are_those_of_the_embedded_engine(bool causal)
    {
        double[] expected = Gradients(s_embedded, causal), actual = Gradients(Engine, causal);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 2e-5));
    }

    private static double[] Gradients(INetworkEngine engine, bool causal)
    {
        const ElementType Single = ElementType.Float32;
        var shape = new AttentionShape(2, 4, 2, causal, 0.25);
        bool[] mask = [.. Enumerable.Range(0, 600).Select(i => i % 7 != 3)];
        using ITensor q = engine.Random(1, 600, 64), k = engine.Random(2, 600, 32), v = engine.Random(3, 600, 32), dy = engine.Random(4, 600, 64), w = engine.Random(5, 64);
        using ITensor y = engine.Create(Single, 600, 64), sums = engine.Create(Single, 8, 300), dq = engine.Create(Single, 600, 64), dk = engine.Create(Single, 600, 32), dv = engine.Create(Single, 600, 32);
        engine.Attention(shape, q, k, v, mask, y, sums);
        engine.AttentionBackward(shape, q, k, v, mask, y, sums, dy, dq, dk, dv);
        using ITensor weights = engine.Create(Single, 64), biases = engine.Create(Single, 64), dn = engine.Create(Single, 600, 64);
        engine.NormalizeBackward(Normalization.Layer, q, w, 1e-5, dy, dn, weights, biases);
        using ITensor rms = engine.Create(Single, 600, 64), gate = engine.Create(Single, 600, 64), up = engine.Create(Single, 600, 64), entropy = engine.Create(Single, 600, 64);
        engine.NormalizeBackward(Normalization.RootMeanSquare, q, w, 1e-5, dy, rms, null, null);
        engine.GateBackward(Activation.Silu, q, y, dy, gate, up);
        double loss = engine.CrossEntropy(q, [.. Enumerable.Range(0, 600).Select(i => (i % 65) - 1)], entropy);
        double[] sumsOverRows = [.. engine.ToArray(weights).Concat(engine.ToArray(biases)).Select(value => value / 100)];
        return [.. new[] { y, dq, dk, dv, dn, rms, gate, up, entropy }.SelectMany(engine.ToArray), .. sumsOverRows, loss];
    }
}
