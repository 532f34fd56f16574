using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Adapters;

public sealed class ResizeAdapterTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Adapter() => TestAdapter.Peft(_folder["in"], """{"r":8,"lora_alpha":6,"rank_pattern":{"b":5}}""", [.. TestAdapter.PeftModule("a", 1, 30, 8, 20), .. TestAdapter.PeftModule("b", 2, 12, 5, 40)]);

    private AdapterResult Resize(ModelSource source, AdapterRank rank) => new ResizeAdapter(rank, new() { OutputPath = _folder["out"], Force = true }).Run(source);

    private static double[] Values(double[] delta, int rows)
    {
        using Matrix<float> matrix = Matrix<float>.From(rows, delta.Length / rows, [.. delta.Select(v => (float)v)]);
        return SingularValues.Compute(matrix.View);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(20)]
    public void The_error_is_that_of_the_values_left_out(int rank)
    {
        ModelSource source = Adapter();
        AdapterResult result = Resize(source, new AdapterRank.Fixed(rank));
        Dictionary<string, double[]> before = TestAdapter.Deltas(source.Path), after = TestAdapter.Deltas(result.Path);
        foreach (AdapterModuleResult module in result.Modules)
        {
            Assert.Equal(Math.Min(rank, module.RankBefore), module.Rank);
            double[] delta = before[module.Name], values = Values(delta, (int)module.Shape[0]);
            double least = TestAdapter.Norm(values.Skip(module.Rank)) / TestAdapter.Norm(values);
            Assert.InRange(Math.Abs(TestAdapter.Distance(delta, after[module.Name]) / TestAdapter.Norm(delta) - least), 0, 1e-6);
            Assert.InRange(Math.Abs(module.RelativeError - least), 0, 1e-6);
            Assert.Equal(TestAdapter.Norm(delta), module.Norm, 1e-5 * module.Norm);
        }
        double whole = Math.Sqrt(before.Sum(b => Math.Pow(TestAdapter.Distance(b.Value, after[b.Key]), 2)) / before.Sum(b => Math.Pow(TestAdapter.Norm(b.Value), 2)));
        Assert.InRange(Math.Abs(whole - result.RelativeError), 0, 1e-6);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    [InlineData(1.0)]
    public void Shares_keep_the_fewest_components_that_reach_them(double share)
    {
        ModelSource source = Adapter();
        foreach ((AdapterRank rule, double power) in new (AdapterRank, double)[] { (new AdapterRank.Energy(share), 2), (new AdapterRank.Cumulative(share), 1) })
        {
            foreach (AdapterModuleResult module in Resize(source, rule).Modules)
            {
                double[] parts = [.. Values(TestAdapter.Deltas(source.Path)[module.Name], (int)module.Shape[0]).Take(module.RankBefore).Select(v => Math.Pow(v, power))];
                Assert.InRange(parts.Take(module.Rank).Sum() / parts.Sum(), share - 1e-6, 1 + 1e-6);
                Assert.True(parts.Take(module.Rank - 1).Sum() / parts.Sum() < share + 1e-6);
            }
        }
    }

    [Fact]
    public void A_ratio_keeps_what_is_large_against_the_largest()
    {
        ModelSource source = Adapter();
        foreach (AdapterModuleResult module in Resize(source, new AdapterRank.Ratio(2)).Modules)
        {
            double[] values = Values(TestAdapter.Deltas(source.Path)[module.Name], (int)module.Shape[0]);
            Assert.Equal(values.Count(v => v >= values[0] / 2), module.Rank);
        }
        Assert.All(Resize(source, new AdapterRank.Energy(1) { MaxRank = 2 }).Modules, m => Assert.Equal(2, m.Rank));
    }

    [Fact]
    public void Convolutions_keep_their_kernels_and_three_steps_become_two()
    {
        ModelSource source = new(TestModel.Write(_folder["c.safetensors"],
            TestModel.Random("c.lora_down.weight", 1, 4, 5, 1, 1), TestModel.Random("c.lora_mid.weight", 2, 4, 4, 3, 3), TestModel.Random("c.lora_up.weight", 3, 7, 4, 1, 1)), "c");
        AdapterResult result = new ResizeAdapter(new AdapterRank.Fixed(4), new()).Run(source);
        Assert.Equal((_folder["c-resized.safetensors"], AdapterLayout.Kohya), (result.Path, result.Layout));
        Assert.Equal([4L, 5, 3, 3], TestModel.Read(result.Path)["c.lora_down.weight"].Shape);
        Assert.Equal([7L, 4, 1, 1], TestModel.Read(result.Path)["c.lora_up.weight"].Shape);
        double[] before = TestAdapter.Deltas(source.Path)["c"];
        Assert.InRange(TestAdapter.Distance(before, TestAdapter.Deltas(result.Path)["c"]) / TestAdapter.Norm(before), 0, 1e-6);
    }

    [Fact]
    public void A_resized_adapter_that_is_merged_adds_what_the_result_says()
    {
        ModelSource source = Adapter();
        AdapterResult result = Resize(source, new AdapterRank.Fixed(2));
        ModelSource model = new(TestModel.Write(_folder["base.safetensors"], TestModel.Random("a.weight", 1, 30, 20), TestModel.Random("b.weight", 2, 12, 40)), "base");
        string merged = new MergeAdapter(new() { OutputPath = _folder["merged.safetensors"] }).Run(model, TestAdapter.Source(_folder["out"])).Path;
        double[] added = [.. TestModel.Read(merged)["a.weight"].Values.Zip(TestModel.Read(model.Path)["a.weight"].Values, (x, y) => (double)x - y)];
        double[] delta = TestAdapter.Deltas(source.Path)["a"];
        Assert.Equal(result.Modules[0].RelativeError, TestAdapter.Distance(delta, added) / TestAdapter.Norm(delta), 1e-5);
    }

    [Fact]
    public void What_if_writes_nothing_and_says_the_same_and_the_same_bytes_come_each_time()
    {
        ModelSource source = Adapter();
        AdapterResult plan = new ResizeAdapter(new AdapterRank.Fixed(2), new() { WhatIf = true }).Run(source);
        Assert.False(Path.Exists(_folder["in-resized"]));
        AdapterResult result = new ResizeAdapter(new AdapterRank.Fixed(2), new()).Run(source);
        Assert.Equal((plan.Path, plan.Parameters, plan.Bytes, plan.RelativeError), (result.Path, result.Parameters, result.Bytes, result.RelativeError));
        Dictionary<string, string> first = TestModel.Snapshot(_folder["in-resized"]);
        new ResizeAdapter(new AdapterRank.Fixed(2), new() { Force = true }).Run(source);
        Assert.Equal(first, TestModel.Snapshot(_folder["in-resized"]));
    }

    [Fact]
    public void Rules_that_keep_nothing_and_parts_that_would_be_lost_are_refused()
    {
        ModelSource source = Adapter();
        Assert.All(new AdapterRank[] { new AdapterRank.Fixed(0), new AdapterRank.Energy(0), new AdapterRank.Energy(1.1), new AdapterRank.Cumulative(double.NaN), new AdapterRank.Ratio(0.5), new AdapterRank.Fixed(2) { MaxRank = 0 } },
            r => Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => Resize(source, r)).ErrorId));
        ModelSource dora = TestAdapter.Peft(_folder["dora"], """{"r":4}""", [.. TestAdapter.PeftModule("a", 1, 30, 4, 20), TestModel.Random("base_model.model.a.lora_magnitude_vector", 2, 30)]);
        Assert.Equal(CoreErrors.AdapterPartNotCarried, Assert.Throws<LowRankToolsException>(() => Resize(dora, new AdapterRank.Fixed(2))).ErrorId);
    }

    [Fact]
    public void A_cancelled_run_leaves_nothing()
    {
        ModelSource source = Adapter();
        Dictionary<string, string> before = TestModel.Snapshot(_folder.Path);
        Assert.ThrowsAny<OperationCanceledException>(() => new ResizeAdapter(new AdapterRank.Fixed(2), new()).Run(source, null, new CancellationToken(canceled: true)));
        Assert.Equal(before, TestModel.Snapshot(_folder.Path));
    }
}
