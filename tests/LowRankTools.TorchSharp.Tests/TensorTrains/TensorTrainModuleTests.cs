using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Modules;
using LowRankTools.TorchSharp.TensorTrains;
using LowRankTools.TorchSharp.Weights;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Tests;

/// <summary>Tensor trains in modules: from weights, from files, and back.</summary>
[Collection(LibTorch.Name)]
public sealed class TensorTrainModuleTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lowrank-torch-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(null)]
    [InlineData("4x4x4")]
    public void A_model_that_was_factorized_in_a_file_is_loaded_and_computes_what_its_product_does(string? split)
    {
        using Sequential module = Network(1), dense = Network(2);
        string file = Factorized(module, split);
        string merged = new MergeModel(new MergeOptions { OutputPath = Path.Combine(_folder.FullName, "merged") }).Run(new ModelSource(file, "m")).Path;
        Assert.Equal(["fc1", "fc2"], module.UseTensorTrains(file));
        WeightReport report = module.LoadWeights(file);
        Assert.True(report.IsComplete);
        Assert.Contains("fc1.weight.core0", report.Loaded);
        dense.LoadWeights(merged);
        using Tensor x = TestModules.Input(6, 64), theirs = dense.call(x), ours = module.call(x);
        Assert.InRange(TestModules.Distance(theirs, ours), 0, 1e-5);
        if (split is not null)
            Assert.Equal(["1x4x4", "x4x4", "x4x4x1"], ((TensorTrainLinear)module[0]).Cores.Select((c, k) => k == 0 ? string.Join('x', c.shape[..3]) : k == 1 ? $"x{c.shape[1]}x{c.shape[2]}" : $"x{c.shape[1]}x{c.shape[2]}x{c.shape[3]}"));
    }

    [Fact]
    public void What_a_module_saves_is_merged_to_what_it_computes()
    {
        using Sequential module = Network(1);
        string source = Factorized(module, null), saved = Path.Combine(_folder.FullName, "saved.safetensors");
        module.UseTensorTrains(source);
        module.LoadWeights(source);
        module.SaveSafetensors(saved);
        using Sequential other = Network(3);
        other.UseTensorTrains(saved);
        Assert.True(other.LoadWeights(saved).IsComplete);
        using Tensor x = TestModules.Input(3, 64), first = module.call(x), second = other.call(x);
        Assert.Equal(0, TestModules.Distance(first, second));
    }

    [Fact]
    public void Cores_of_another_matrix_are_refused_and_nothing_is_changed()
    {
        using Sequential module = Network(1), narrow = nn.Sequential(("fc1", nn.Linear(64, 32)), ("act", nn.ReLU()), ("fc2", nn.Linear(32, 48)));
        string file = Factorized(module, null);
        Assert.Equal("WeightsDoNotFit", Assert.Throws<LowRankToolsException>(() => narrow.UseTensorTrains(file)).ErrorId);
        Assert.All(narrow.named_children(), child => Assert.IsNotType<TensorTrainLinear>(child.module));
    }

    [Fact]
    public void The_error_is_that_of_the_layer_that_it_stands_for()
    {
        using Sequential module = Network(1);
        using Tensor weight = module.state_dict()["fc1.weight"].detach().clone();
        IReadOnlyList<LinearReplacement> replaced = module.FactorizeTensorTrain(4);
        Assert.All(replaced, r => Assert.Equal((StaysDense.No, 4), (r.Reason, r.Rank)));
        Assert.Equal(module.CountParameters(), replaced.Sum(r => r.Parameters));
        Assert.Equal(["fc1.weight.core0", "fc1.weight.core1", "fc1.weight.core2", "fc1.bias"], module.state_dict().Keys.Where(k => k.StartsWith("fc1.", StringComparison.Ordinal)).Order(StringComparer.Ordinal).OrderBy(k => k.EndsWith("bias", StringComparison.Ordinal)));
        using Linear near = ((TensorTrainLinear)module[0]).ToDense();
        Assert.Equal(TestModules.Distance(weight, near.weight!.detach()), replaced[0].RelativeError!.Value, 1e-5);
    }

    [Fact]
    public void At_full_rank_a_module_computes_what_it_did_and_does_again_when_it_is_merged()
    {
        using Sequential module = Network(1);
        using Tensor x = TestModules.Input(5, 64), before = module.call(x);
        Assert.All(module.FactorizeTensorTrain(1), r => Assert.Equal(StaysDense.No, r.Reason));
        module.MergeTensorTrains();
        using Sequential full = Network(1);
        full.FactorizeTensorTrain(4096, new TensorTrainOptions { IncludeUnprofitable = true });
        using Tensor after = full.call(x);
        Assert.InRange(TestModules.Distance(before, after), 0, 1e-4);
        Assert.Equal(["fc1", "fc2"], full.MergeTensorTrains());
        using Tensor merged = full.call(x);
        Assert.InRange(TestModules.Distance(before, merged), 0, 1e-4);
        Assert.All(full.named_children().Where(c => c.name != "act"), c => Assert.IsType<Linear>(c.module));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    public void Every_order_gives_the_product_with_the_matrix(int tokens)
    {
        manual_seed(4);
        Tensor[] cores = [randn(1, 3, 4, 5), randn(5, 2, 6, 3), randn(3, 7, 2, 1)];
        using Tensor x = randn(tokens, 48), w = TensorTrainProduct.Dense(cores), expected = x.mm(w.t());
        Assert.Equal([42, 48], w.shape);
        foreach (TensorTrainProduct.Order order in Enum.GetValues<TensorTrainProduct.Order>())
        {
            using Tensor y = TensorTrainProduct.Multiply(x, cores, order);
            Assert.Equal([tokens, 42], y.shape);
            Assert.InRange(tokens == 0 ? 0 : TestModules.Distance(expected, y), 0, 1e-5);
        }

        foreach (Tensor core in cores) core.Dispose();
    }

    [Fact]
    public void Few_tokens_go_through_the_cores_and_many_through_the_matrix()
    {
        // 256 x 256 at rank 16: one token takes fewer operations core by core; 16,384 share the cost of multiplying out.
        long[][] cores = [[1, 16, 16, 64], [64, 16, 16, 1]];
        Assert.NotEqual(TensorTrainProduct.Order.Rebuilt, TensorTrainProduct.Cheapest(1, cores));
        Assert.Equal(TensorTrainProduct.Order.Rebuilt, TensorTrainProduct.Cheapest(16_384, [[1, 16, 16, 256], [256, 16, 16, 1]]));
        // What makes an activation smaller goes first.
        Assert.Equal(TensorTrainProduct.Order.FromLeft, TensorTrainProduct.Cheapest(1, [[1, 2, 64, 2], [2, 64, 2, 1]]));
        Assert.Equal(TensorTrainProduct.Order.FromRight, TensorTrainProduct.Cheapest(1, [[1, 64, 2, 2], [2, 2, 64, 1]]));
    }

    [Fact]
    public void Training_reaches_every_core_and_lowers_the_loss()
    {
        using Sequential module = Network(1);
        module.FactorizeTensorTrain(6);
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
        module.FactorizeTensorTrain(6);
        using Tensor x = TestModules.Input(3, 64), single = module.call(x);
        module.to(ScalarType.Float64);
        using Tensor wide = x.to(ScalarType.Float64), y = module.call(wide), back = y.to(ScalarType.Float32);
        Assert.Equal(ScalarType.Float64, y.dtype);
        Assert.InRange(TestModules.Distance(single, back), 0, 1e-5);
    }

    [Fact]
    public void Layers_that_share_a_weight_share_cores_and_own_modules_are_replaced_in_their_fields()
    {
        using Sequential tied = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64));
        ((Linear)tied[1]).weight = ((Linear)tied[0]).weight;
        Assert.All(tied.FactorizeTensorTrain(4), r => Assert.Equal(StaysDense.No, r.Reason));
        Assert.Equal(((TensorTrainLinear)tied[0]).Cores.Select(c => c.Handle), ((TensorTrainLinear)tied[1]).Cores.Select(c => c.Handle));

        using Block block = new();
        using Tensor x = TestModules.Input(3, 24), before = block.call(x);
        block.FactorizeTensorTrain(1000, new TensorTrainOptions { IncludeUnprofitable = true });
        using Tensor after = block.call(x);
        Assert.InRange(TestModules.Distance(before, after), 0, 1e-4);
        using Narrow narrow = new();
        Assert.Equal("ModuleNotReplaceable", Assert.Throws<LowRankToolsException>(() => narrow.FactorizeTensorTrain(2)).ErrorId);
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
            module.FactorizeTensorTrain(4);
            made += module.parameters().Count();
            module.call(x).Dispose();
            module.MergeTensorTrains();
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

    private string Factorized(Sequential module, string? split)
    {
        string dense = Path.Combine(_folder.FullName, "dense.safetensors");
        module.SaveSafetensors(dense, overwrite: true);
        FactorizeOptions options = new()
        {
            Rule = new RankRule.KeepRatio(0.5), Method = FactorMethod.TensorTrain, Splits = split is null ? [] : [[.. split.Split('x').Select(int.Parse)]], OutputPath = Path.Combine(_folder.FullName, "small"), Force = true,
        };
        return new FactorizeModel(options).Run(new ModelSource(dense, "m")).Path;
    }
}
