using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Modules;
using LowRankTools.TorchSharp.Pivoted;
using LowRankTools.TorchSharp.Weights;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Tests;

/// <summary>Pivoted pairs in modules: from weights, from files, and back.</summary>
[Collection(LibTorch.Name)]
public sealed class PivotedModuleTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lowrank-torch-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_model_that_was_factorized_in_a_file_is_loaded_and_computes_what_its_product_does()
    {
        using Sequential module = Network(1), dense = Network(2);
        string file = Factorized(module);
        string merged = new MergeModel(new MergeOptions { OutputPath = Path.Combine(_folder.FullName, "merged") }).Run(new ModelSource(file, "m")).Path;
        Assert.Equal(["fc1", "fc2"], module.UsePivotedPairs(file));
        WeightReport report = module.LoadWeights(file);
        Assert.True(report.IsComplete);
        Assert.Contains("fc1.weight.pivots", report.Loaded);
        dense.LoadWeights(merged);
        using Tensor x = TestModules.Input(6, 64), theirs = dense.call(x), ours = module.call(x);
        Assert.InRange(TestModules.Distance(theirs, ours), 0, 1e-5);
        using Tensor wide = x.reshape(2, 3, 64), y = module.call(wide), rows = y.reshape(6, 48);
        Assert.InRange(TestModules.Distance(ours, rows), 0, 1e-6);
    }

    [Fact]
    public void What_a_module_saves_is_loaded_into_another_one()
    {
        using Sequential module = Network(1), other = Network(3);
        string source = Factorized(module), saved = Path.Combine(_folder.FullName, "saved.safetensors");
        module.UsePivotedPairs(source);
        module.LoadWeights(source);
        module.SaveSafetensors(saved);
        other.UsePivotedPairs(saved);
        Assert.True(other.LoadWeights(saved).IsComplete);
        using Tensor x = TestModules.Input(3, 64), first = module.call(x), second = other.call(x);
        Assert.Equal(0, TestModules.Distance(first, second));
    }

    [Fact]
    public void Factors_of_another_matrix_and_pivots_that_are_none_are_refused_and_nothing_is_changed()
    {
        using Sequential module = Network(1), narrow = nn.Sequential(("fc1", nn.Linear(64, 32)), ("act", nn.ReLU()), ("fc2", nn.Linear(32, 48)));
        string file = Factorized(module), lying = Path.Combine(_folder.FullName, "lying.safetensors");
        Assert.Equal("WeightsDoNotFit", Assert.Throws<LowRankToolsException>(() => narrow.UsePivotedPairs(file)).ErrorId);
        Assert.All(narrow.named_children(), child => Assert.IsNotType<PivotedLinear>(child.module));
        using Sequential changed = Network(1);
        changed.UsePivotedPairs(file);
        changed.LoadWeights(file);
        using (no_grad())
            ((PivotedLinear)changed[0]).Pivots.mul_(0.5);
        changed.SaveSafetensors(lying);
        // What was loaded past that check still points at no place outside.
        using Tensor x = TestModules.Input(3, 64), y = changed.call(x);
        Assert.Equal([3, 48], y.shape);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => module.UsePivotedPairs(lying)).ErrorId);
        Assert.All(module.named_children(), child => Assert.IsNotType<PivotedLinear>(child.module));
    }

    [Fact]
    public void A_layer_of_shapes_that_do_not_belong_together_is_refused()
    {
        using Tensor pivots = ones(6);
        using Parameter rows = new(ones(2, 5)), others = new(ones(3, 2)), bias = new(ones(5)), fitting = new(ones(4, 2));
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => new PivotedLinear(pivots, rows, others, null)).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => new PivotedLinear(pivots, rows, fitting, bias)).ErrorId);
    }

    [Fact]
    public void The_error_is_that_of_the_layer_that_it_stands_for_and_no_larger_than_a_pairs()
    {
        using Sequential module = Network(1), pairs = Network(1);
        using Tensor weight = module.state_dict()["fc1.weight"].detach().clone();
        IReadOnlyList<LinearReplacement> replaced = module.FactorizePivoted(20), theirs = pairs.FactorizeLinear(20);
        Assert.All(replaced, r => Assert.Equal((StaysDense.No, 20), (r.Reason, r.Rank)));
        Assert.Equal(module.CountParameters(), replaced.Sum(r => r.Parameters));
        Assert.Equal(replaced.Select(r => r.Parameters + (20 * 20)), theirs.Select(r => r.Parameters));
        Assert.Equal(["fc1.bias", "fc1.weight.others", "fc1.weight.pivots", "fc1.weight.rows"], module.state_dict().Keys.Where(k => k.StartsWith("fc1.", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        using Linear near = ((PivotedLinear)module[0]).ToDense();
        Assert.Equal(TestModules.Distance(weight, near.weight!.detach()), replaced[0].RelativeError!.Value, 1e-5);
        Assert.Equal(theirs[0].RelativeError!.Value, replaced[0].RelativeError!.Value, 1e-5);
    }

    [Fact]
    public void At_the_largest_rank_a_module_computes_what_it_did_and_does_again_when_it_is_merged()
    {
        using Sequential module = nn.Sequential(("fc1", nn.Linear(24, 64)), ("act", nn.ReLU()), ("fc2", nn.Linear(64, 1)));
        using Tensor x = TestModules.Input(5, 24), before = module.call(x);
        IReadOnlyList<LinearReplacement> replaced = module.FactorizePivoted(4096, new PivotedOptions { IncludeUnprofitable = true, Include = ["fc1"] });
        Assert.Equal(24, replaced[0].Rank);
        using Tensor after = module.call(x);
        Assert.InRange(TestModules.Distance(before, after), 0, 1e-4);
        Assert.Equal(["fc1"], module.MergePivotedPairs());
        using Tensor merged = module.call(x);
        Assert.InRange(TestModules.Distance(before, merged), 0, 1e-4);
        // One output has no rows to be combined of others.
        Assert.Equal([StaysDense.No, StaysDense.BreakEven], module.FactorizePivoted(8).Select(r => r.Reason));
    }

    [Theory]
    [InlineData(PairInitialization.Svd)]
    [InlineData(PairInitialization.Random)]
    public void Training_reaches_both_factors_and_lowers_the_loss(PairInitialization start)
    {
        using Sequential module = Network(1);
        module.FactorizePivoted(6, new PivotedOptions { Initialization = start });
        using Tensor x = TestModules.Input(32, 64), target = randn(32, 48);
        using optim.Optimizer optimizer = optim.Adam(module.parameters(), 0.01);
        List<double> losses = [];
        for (int step = 0; step < 20; step++)
        {
            using DisposeScope scope = NewDisposeScope();
            optimizer.zero_grad();
            Tensor loss = nn.functional.mse_loss(module.call(x), target);
            loss.backward();
            Assert.All(module.parameters(), p => Assert.True(p.grad is { } g && g.norm().item<float>() > 0));
            losses.Add(loss.item<float>());
            optimizer.step();
        }

        Assert.True(losses[^1] < 0.9 * losses[0], $"{losses[0]} became {losses[^1]}");
    }

    [Fact]
    public void A_module_that_moves_to_another_type_computes_in_it()
    {
        using Sequential module = Network(1);
        module.FactorizePivoted(6);
        using Tensor x = TestModules.Input(3, 64), single = module.call(x);
        module.to(ScalarType.Float64);
        using Tensor wide = x.to(ScalarType.Float64), y = module.call(wide), back = y.to(ScalarType.Float32);
        Assert.Equal(ScalarType.Float64, y.dtype);
        Assert.InRange(TestModules.Distance(single, back), 0, 1e-5);
    }

    [Fact]
    public void Layers_that_share_a_weight_share_factors_and_own_modules_are_replaced_in_their_fields()
    {
        using Sequential tied = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64));
        ((Linear)tied[1]).weight = ((Linear)tied[0]).weight;
        Assert.All(tied.FactorizePivoted(4), r => Assert.Equal(StaysDense.No, r.Reason));
        Assert.Equal(((PivotedLinear)tied[0]).Rows.Handle, ((PivotedLinear)tied[1]).Rows.Handle);

        using Block block = new();
        using Tensor x = TestModules.Input(3, 24), before = block.call(x);
        block.FactorizePivoted(1000, new PivotedOptions { IncludeUnprofitable = true });
        using Tensor after = block.call(x);
        // The smallest of the directions may be left out: a rank is below the number of outputs.
        Assert.InRange(TestModules.Distance(before, after), 0, 0.5);
        using Narrow narrow = new();
        Assert.Equal("ModuleNotReplaceable", Assert.Throws<LowRankToolsException>(() => narrow.FactorizePivoted(2)).ErrorId);
    }

    [Fact]
    public void Surgery_and_merging_leave_no_tensor_behind()
    {
        using Tensor x = TestModules.Input(3, 64);
        Work(x);
        long before = LiveTensors();
        int made = Work(x);
        // TorchSharp counts a tensor once more when it becomes a parameter.
        Assert.InRange(LiveTensors(), 0, before + made);

        static int Work(Tensor x)
        {
            using Sequential module = Network(1);
            int made = module.parameters().Count();
            module.FactorizePivoted(4);
            made += module.parameters().Count();
            module.call(x).Dispose();
            module.MergePivotedPairs();
            module.call(x).Dispose();
            return made + module.parameters().Count();
        }
    }

    private static long LiveTensors()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Tensor.TotalCount;
    }

    private static Sequential Network(int seed)
    {
        manual_seed(seed);
        return nn.Sequential(("fc1", nn.Linear(64, 64)), ("act", nn.ReLU()), ("fc2", nn.Linear(64, 48)));
    }

    private string Factorized(Sequential module)
    {
        string dense = Path.Combine(_folder.FullName, "dense.safetensors");
        module.SaveSafetensors(dense, overwrite: true);
        FactorizeOptions options = new() { Rule = new RankRule.KeepRatio(0.5), Method = FactorMethod.Pivoted, OutputPath = Path.Combine(_folder.FullName, "small"), Force = true };
        return new FactorizeModel(options).Run(new ModelSource(dense, "m")).Path;
    }
}
