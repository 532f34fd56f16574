using LowRankTools.Core.Demo;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;

namespace LowRankTools.Core.Tests.Demo;

public sealed class DemoTransformerTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Rank_64_with_biases_on_both_halves_gives_the_notebooks_count()
    {
        ModelSource demo = new(DemoTransformer.Write(_folder["demo"]), "demo");
        FactorizeOptions options = new() { Rule = new RankRule.Fixed(64), FirstBias = true, WhatIf = true };
        Assert.Equal(10_035_840, new FactorizeModel(options).Run(demo).Parameters);
    }

    [Fact]
    public void It_is_made_of_the_same_bytes_each_time()
    {
        string first = DemoTransformer.Write(_folder["a"]), second = DemoTransformer.Write(_folder["b"]);
        Assert.Equal(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(first)), System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(second)));
    }

    [Fact]
    public void Its_spectra_fall_as_they_claim()
    {
        ModelSource demo = new(DemoTransformer.Write(_folder["demo"]), "demo");
        using Model model = Model.Open(demo);
        ModelLayer layer = model.Layers.First(l => l.Shape.Name.EndsWith("to_q.weight", StringComparison.Ordinal));
        float[] values = new float[layer.Tensor.ElementCount];
        model.File.ReadSingles(layer.Tensor, 0, values);
        using LowRankTools.Numerics.Matrices.Matrix<float> matrix = LowRankTools.Numerics.Matrices.Matrix<float>.From(512, 512, values);
        double[] spectrum = LowRankTools.Numerics.Svd.SingularValues.Compute(matrix.View);
        for (int i = 0; i < spectrum.Length; i++)
            Assert.Equal(Math.Pow(i + 1, -0.5), spectrum[i] / spectrum[0], 4);
    }
}
