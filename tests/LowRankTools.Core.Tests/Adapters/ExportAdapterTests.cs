using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Adapters;

public sealed class ExportAdapterTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Base() => new(TestModel.Write(_folder["base.safetensors"], TestModel.Random("l.fc.weight", 1, 30, 20), TestModel.Random("l.fc.bias", 2, 30), TestModel.Random("l.c_fc.weight", 3, 20, 30),
        TestModel.Random("l.c_fc.bias", 4, 30), TestModel.Random("conv.weight", 5, 6, 5, 3, 3), TestModel.Random("emb.weight", 6, 40, 8), TestModel.Random("same.weight", 7, 9, 9)), "base");

    private ModelSource Adapter()
    {
        (float[] a, float[] b) = TestAdapter.Factors(6, 8, 2, 40);
        return new ModelSource(TestModel.Write(_folder["a.safetensors"], [.. TestAdapter.KohyaModule("l.fc", 1, 30, 2, 20, 3), .. TestAdapter.KohyaModule("l.c_fc", 2, 30, 2, 20, 3),
            TestModel.Random("conv.lora_down.weight", 3, 2, 5, 3, 3), TestModel.Random("conv.lora_up.weight", 4, 6, 2, 1, 1), ("emb.lora_down.weight", [2, 40], a), ("emb.lora_up.weight", [8, 2], b)]), "a");
    }

    private ModelSource Tuned(ModelSource model, ModelSource adapter) => new(new MergeAdapter(new() { OutputPath = _folder["tuned.safetensors"], Force = true }).Run(model, adapter).Path, "tuned");

    private ExportAdapterOptions Options(AdapterRank rank) => new() { Rank = rank, Selection = new LayerSelection { IncludeEmbedding = true }, Output = new() { OutputPath = _folder["out"], Force = true } };

    [Fact]
    public void What_was_merged_is_exported_whole_at_its_rank()
    {
        ModelSource model = Base(), adapter = Adapter();
        AdapterResult result = new ExportAdapter(Options(new AdapterRank.Fixed(2))).Run(Tuned(model, adapter), model);
        Assert.Equal(["l.fc", "l.c_fc", "conv", "emb"], result.Modules.Select(m => m.Name));
        Assert.Empty(result.NotCarried);
        // What is left are the roundings of W + Delta and of its difference from W.
        Assert.InRange(result.RelativeError, 0, 1e-5);
        Dictionary<string, double[]> before = TestAdapter.Deltas(adapter.Path), after = TestAdapter.Deltas(result.Path);
        Assert.All(before, b => Assert.InRange(TestAdapter.Distance(b.Value, after[b.Key]) / TestAdapter.Norm(b.Value), 0, 1e-5));
        // And merging the export gives the tuned model again.
        string again = new MergeAdapter(new() { OutputPath = _folder["again.safetensors"] }).Run(model, TestAdapter.Source(_folder["out"])).Path;
        Dictionary<string, (long[] Shape, float[] Values)> tuned = TestModel.Read(_folder["tuned.safetensors"]);
        Assert.All(TestModel.Read(again), t => Assert.InRange(TestModel.RelativeError(tuned[t.Key].Values, [.. t.Value.Values.Select(v => (double)v)]), 0, 1e-5));
    }

    [Fact]
    public void A_budget_is_shared_out_as_trying_all_ranks_would()
    {
        ModelSource model = new(TestModel.Write(_folder["b.safetensors"], TestModel.Random("a.weight", 1, 20, 12), TestModel.Random("b.weight", 2, 16, 16), TestModel.Random("same.weight", 3, 8, 8)), "b");
        (string, long[], float[] Values) Changed(string name, int seed, int rows, int columns, params double[] values) =>
            (name, [rows, columns], [.. TestModel.Random(name, seed, rows, columns).Values.Zip(TestModel.WithSpectrum("d", seed + 9, rows, columns, values).Values, (w, d) => w + d)]);
        double[] first = [4, 2, 1, 0.5], second = [3, 2.5, 0.1];
        ModelSource tuned = new(TestModel.Write(_folder["t.safetensors"], Changed("a.weight", 1, 20, 12, first), Changed("b.weight", 2, 16, 16, second), TestModel.Random("same.weight", 3, 8, 8)), "t");
        foreach (long budget in new long[] { 64, 100, 130, 190, 1000 })
        {
            AdapterResult result = new ExportAdapter(new ExportAdapterOptions { ParameterBudget = budget, Output = new() { OutputPath = _folder["out"], Force = true } }).Run(tuned, model);
            double least = (from r in Enumerable.Range(1, 4)
                            from s in Enumerable.Range(1, 3)
                            where 32 * r + 32 * s <= budget
                            select first.Skip(r).Concat(second.Skip(s)).Sum(v => v * v)).Min() / first.Concat(second).Sum(v => v * v);
            Assert.True(result.Parameters <= budget);
            Assert.Equal(Math.Sqrt(least), result.RelativeError, 1e-5);
            Assert.Equal(["a", "b"], result.Modules.Select(m => m.Name));
        }
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(new ExportAdapterOptions { ParameterBudget = 1000, Output = new() { Layout = AdapterLayout.Lotr } }.Validate).ErrorId);
        Assert.Equal(CoreErrors.BudgetTooSmall, Assert.Throws<LowRankToolsException>(() => new ExportAdapter(new ExportAdapterOptions { ParameterBudget = 63, Output = new() { OutputPath = _folder["out"], Force = true } }).Run(tuned, model)).ErrorId);
        AdapterResult ratio = new ExportAdapter(new ExportAdapterOptions { Rank = new AdapterRank.Ratio(2.1), Output = new() { OutputPath = _folder["out"], Force = true } }).Run(tuned, model);
        Assert.Equal([2, 2], ratio.Modules.Select(m => m.Rank));
        AdapterResult share = new ExportAdapter(new ExportAdapterOptions { Rank = new AdapterRank.Cumulative(0.9), Output = new() { OutputPath = _folder["out"], Force = true } }).Run(tuned, model);
        Assert.Equal([3, 2], share.Modules.Select(m => m.Rank));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Truncation_loses_what_the_result_says(int rank)
    {
        ModelSource model = Base(), tuned = new(TestModel.Write(_folder["tuned.safetensors"], TestModel.Random("l.fc.weight", 9, 30, 20)), "tuned");
        AdapterResult result = new ExportAdapter(Options(new AdapterRank.Fixed(rank))).Run(tuned, model);
        float[] x = TestModel.Read(tuned.Path)["l.fc.weight"].Values, y = TestModel.Read(model.Path)["l.fc.weight"].Values;
        double[] delta = [.. x.Zip(y, (p, q) => (double)p - q)];
        using Matrix<float> dense = Matrix<float>.From(30, 20, [.. delta.Select(v => (float)v)]);
        double[] values = SingularValues.Compute(dense.View);
        double least = TestAdapter.Norm(values.Skip(rank)) / TestAdapter.Norm(values);
        Assert.InRange(Math.Abs(result.RelativeError - least), 0, 1e-5);
        Assert.InRange(Math.Abs(TestAdapter.Distance(delta, TestAdapter.Deltas(result.Path)["l.fc"]) / TestAdapter.Norm(delta) - least), 0, 1e-5);
        AdapterResult energy = new ExportAdapter(Options(new AdapterRank.Energy(1 - least * least - 1e-6))).Run(tuned, model);
        Assert.Equal(rank, Assert.Single(energy.Modules).Rank);
    }

    [Fact]
    public void What_no_pair_stands_for_is_named()
    {
        ModelSource model = Base(), tuned = new(TestModel.Write(_folder["tuned.safetensors"], TestModel.Random("l.fc.weight", 9, 30, 20), TestModel.Random("l.fc.bias", 8, 30), TestModel.Random("l.c_fc.bias", 4, 30), TestModel.Random("emb.weight", 9, 40, 8)), "tuned");
        AdapterResult result = new ExportAdapter(Options(new AdapterRank.Fixed(2)) with { Selection = new() }).Run(tuned, model);
        Assert.Equal(["l.fc.bias", "emb.weight"], result.NotCarried);
    }

    [Fact]
    public void Shapes_that_differ_and_models_that_do_not_are_refused()
    {
        ModelSource model = Base();
        string Id(params (string Name, long[] Shape, float[] Values)[] tensors) =>
            Assert.Throws<LowRankToolsException>(() => new ExportAdapter(Options(new AdapterRank.Fixed(2))).Run(new ModelSource(TestModel.Write(_folder["t.safetensors"], tensors), "t"), model)).ErrorId;
        Assert.Equal(CoreErrors.AdapterDoesNotFit, Id(TestModel.Random("l.fc.weight", 9, 30, 20), TestModel.Random("emb.weight", 9, 41, 8)));
        Assert.Equal(CoreErrors.AdapterDoesNotFit, Id(TestModel.Random("new.weight", 9, 30, 20)));
        Assert.Equal(CoreErrors.NothingToFactorize, Id(TestModel.Random("same.weight", 7, 9, 9)));
        Assert.Equal(CoreErrors.LayerNotFound, Id(TestModel.Random("l.fc.bias", 2, 30)));
        Assert.False(Path.Exists(_folder["out"]));
    }

    [Fact]
    public void A_check_from_headers_says_what_merging_would_say()
    {
        ModelSource model = Base(), adapter = Adapter();
        AdapterCheck good = new CheckAdapter().Run(adapter, model);
        Assert.True(good.Fits);
        Assert.Equal((4, 4, 2, 2), (good.Modules, good.FittingModules, good.LeastRank, good.MostRank));
        Assert.Equal(new MergeAdapter(new() { WhatIf = true }).Run(model, adapter).Bytes, good.MergedBytes);
        ModelSource odd = new(TestModel.Write(_folder["odd.safetensors"], [.. TestAdapter.KohyaModule("l.fc", 1, 30, 2, 21, 3), .. TestAdapter.KohyaModule("nowhere", 2, 30, 2, 20, 3), .. TestAdapter.KohyaModule("same", 2, 9, 2, 9, 3), TestModel.Random("l.fc.bias", 1, 30)]), "odd");
        AdapterCheck bad = new CheckAdapter().Run(odd, model);
        Assert.False(bad.Fits);
        Assert.Equal(1, bad.FittingModules);
        Assert.Equal(["l.fc", "nowhere", ""], bad.Problems.Select(p => p.Module));
    }
}
