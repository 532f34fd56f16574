using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Merging;

public sealed class MergeModelTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private (ModelSource Dense, FactorizationResult Small, MergeResult Merged) RoundTrip(FactorizeOptions options, params (string Name, long[] Shape, float[] Values)[] tensors)
    {
        ModelSource dense = new(TestModel.Write(_folder["in/m.safetensors"], tensors), "m");
        FactorizationResult small = new FactorizeModel(options with { OutputPath = _folder["small"] }).Run(dense);
        MergeResult merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(new ModelSource(small.Path, "m"));
        return (dense, small, merged);
    }

    private static FactorizeOptions Rank(int rank) => new() { Rule = new RankRule.Fixed(rank) };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Merging_gives_back_every_name_and_shape_and_the_factors_product(bool firstBias)
    {
        (ModelSource dense, FactorizationResult small, MergeResult merged) = RoundTrip(
            Rank(4) with { FirstBias = firstBias, Selection = new LayerSelection { IncludeEmbedding = true } },
            TestModel.Random("q.weight", 1, 40, 30), TestModel.Random("o.weight", 2, 30, 40), TestModel.Random("o.bias", 3, 30),
            TestModel.Random("c_fc.weight", 4, 20, 60), TestModel.Random("c_fc.bias", 5, 60), TestModel.Random("emb.weight", 6, 70, 20), TestModel.Random("norm.weight", 7, 20));
        Dictionary<string, (long[] Shape, float[] Values)> before = TestModel.Read(dense.Path), after = TestModel.Read(merged.Path);
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), after.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(4, merged.MergedLayers);
        foreach ((string name, (long[] shape, float[] values)) in before)
        {
            Assert.Equal(shape, after[name].Shape);
            double error = TestModel.RelativeError(values, [.. after[name].Values.Select(v => (double)v)]);
            double expected = small.Layers.FirstOrDefault(l => l.Name == name)?.RelativeError ?? 0;
            Assert.Equal(expected, error, 5);
        }
    }

    [Fact]
    public void A_model_of_exact_low_rank_comes_back_whole()
    {
        (ModelSource dense, _, MergeResult merged) = RoundTrip(Rank(3), TestModel.WithSpectrum("a.weight", 1, 50, 40, 5, 3, 2));
        double error = TestModel.RelativeError(TestModel.Read(dense.Path)["a.weight"].Values, [.. TestModel.Read(merged.Path)["a.weight"].Values.Select(v => (double)v)]);
        Assert.InRange(error, 0, 1e-5);
    }

    [Fact]
    public void A_trained_first_bias_is_folded_into_the_output()
    {
        (_, FactorizationResult small, _) = RoundTrip(Rank(2) with { FirstBias = true }, TestModel.Random("a.weight", 1, 20, 20), TestModel.Random("a.bias", 2, 20));
        Dictionary<string, (long[] Shape, float[] Values)> trained = TestModel.Read(small.Path);
        trained["a.0.bias"].Values[0] = 3;
        string record = Path.Combine(Path.GetDirectoryName(small.Path)!, FactorizationRecord.FileName);
        string path = TestModel.Write(_folder["trained/m.safetensors"], [.. trained.Select(t => (t.Key, t.Value.Shape, t.Value.Values))]);
        File.Copy(record, _folder["trained/lowrank.json"]);
        MergeResult merged = new MergeModel(new MergeOptions { OutputPath = _folder["again"] }).Run(new ModelSource(path, "m"));
        float[] bias = TestModel.Read(merged.Path)["a.bias"].Values;
        for (int i = 0; i < bias.Length; i++)
            Assert.Equal(trained["a.1.bias"].Values[i] + 3 * trained["a.1.weight"].Values[2 * i], bias[i], 5);
    }

    [Fact]
    public void A_dense_model_has_nothing_to_merge()
    {
        string path = TestModel.Write(_folder["d.safetensors"], TestModel.Random("0.weight", 1, 9, 9), TestModel.Random("1.weight", 2, 9, 9));
        LowRankToolsException error = Assert.Throws<LowRankToolsException>(() => new MergeModel(new MergeOptions()).Run(new ModelSource(path, "d")));
        Assert.Equal(CoreErrors.NoFactorsFound, error.ErrorId);
    }

    [Fact]
    public void Factors_that_do_not_fit_their_record_are_refused()
    {
        (_, FactorizationResult small, _) = RoundTrip(Rank(2), TestModel.Random("a.weight", 1, 20, 20));
        string record = Path.Combine(Path.GetDirectoryName(small.Path)!, FactorizationRecord.FileName);
        TestModel.Write(_folder["odd/m.safetensors"], TestModel.Random("a.0.weight", 1, 3, 20), TestModel.Random("a.1.weight", 2, 20, 3));
        File.Copy(record, _folder["odd/lowrank.json"]);
        LowRankToolsException error = Assert.Throws<LowRankToolsException>(() => new MergeModel(new MergeOptions()).Run(new ModelSource(_folder["odd/m.safetensors"], "m")));
        Assert.Equal(CoreErrors.FactorsInconsistent, error.ErrorId);
    }

    [Fact]
    public void What_if_writes_nothing()
    {
        (_, FactorizationResult small, MergeResult merged) = RoundTrip(Rank(2), TestModel.Random("a.weight", 1, 20, 20));
        MergeResult plan = new MergeModel(new MergeOptions { OutputPath = _folder["nowhere"], WhatIf = true }).Run(new ModelSource(small.Path, "m"));
        Assert.False(Directory.Exists(_folder["nowhere"]));
        Assert.Equal((merged.Parameters, merged.Bytes), (plan.Parameters, plan.Bytes));
    }
}
