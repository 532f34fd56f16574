using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Lora;
using LowRankTools.TorchSharp.Modules;
using LowRankTools.TorchSharp.Weights;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Tests;

/// <summary>LoRA on a real libtorch: formulas, merging, what is trained, adapters in files.</summary>
[Collection(LibTorch.Name)]
public sealed class LoraModuleTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lowrank-lora-");

    private string File => Path.Combine(_folder.FullName, "adapter.safetensors");

    public static TheoryData<bool, bool, bool> Kinds => new() { { false, false, false }, { true, false, false }, { false, true, false }, { false, false, true }, { true, true, true } };

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Outputs_are_the_formula_merged_and_apart(bool fanInFanOut, bool stabilized, bool groups)
    {
        using DisposeScope scope = NewDisposeScope();
        var options = new LoraOptions(2) { Alpha = 3, FanInFanOut = fanInFanOut, RankStabilized = stabilized, EnabledGroups = groups ? [true, false, true] : null };
        using var layer = new LoraLinear(10, 9, options);
        layer.to(ScalarType.Float64);
        Randomize(layer);
        Tensor x = randn(2, 4, 10, ScalarType.Float64), weight = layer.Weight.detach().clone();
        Tensor delta = groups
            ? cat([layer.B.narrow(0, 0, 3).mm(layer.A.narrow(0, 0, 2)), zeros(3, 10, ScalarType.Float64), layer.B.narrow(0, 3, 3).mm(layer.A.narrow(0, 2, 2))])
            : layer.B.mm(layer.A);
        Tensor dense = (fanInFanOut ? weight.t() : weight) + (delta * (stabilized ? 3 / Math.Sqrt(2) : 1.5));
        Tensor expected = x.matmul(dense.t()) + layer.Bias!;
        AssertClose(expected, layer.call(x));
        layer.eval();
        Assert.True(layer.IsMerged);
        AssertClose(expected, layer.call(x));
        layer.train();
        Assert.False(layer.IsMerged);
        Assert.True(weight.equal(layer.Weight).all().item<bool>());
        using nn.Module<Tensor, Tensor> plain = layer.ToDense();
        AssertClose(expected, plain.call(x));
    }

    [Fact]
    public void Gradients_are_those_of_the_dense_layer_through_the_chain_rule()
    {
        // With G = dL/d(W + s B A): dA = s B^T G and dB = s G A^T.
        using DisposeScope scope = NewDisposeScope();
        using var layer = new LoraLinear(7, 5, new LoraOptions(2) { Alpha = 3 });
        layer.to(ScalarType.Float64);
        Randomize(layer);
        Tensor x = randn(6, 7, ScalarType.Float64), dy = randn(6, 5, ScalarType.Float64);
        layer.call(x).backward([dy]);
        Tensor g = dy.t().mm(x);
        Assert.Null(layer.Weight.grad);
        AssertClose(layer.B.t().mm(g) * 1.5, layer.A.grad!);
        AssertClose(g.mm(layer.A.t()) * 1.5, layer.B.grad!);
    }

    [Fact]
    public void A_start_at_zero_changes_no_bit_and_eval_reaches_the_children()
    {
        using DisposeScope scope = NewDisposeScope();
        using var model = new Block();
        Tensor x = TestModules.Input(5, 24), before = model.call(x);
        Assert.Equal(5, model.AddLora(new LoraOptions(3) { Alpha = 6, Dropout = 0.2 }).Count);
        Assert.True(before.equal(model.call(x)).all().item<bool>());
        foreach (LoraLinear layer in model.modules().OfType<LoraLinear>()) Randomize(layer);
        model.eval();
        Assert.All(model.modules().OfType<LoraLinear>(), layer => Assert.True(layer.IsMerged));
        Tensor merged = model.call(x);
        Assert.False(before.equal(merged).all().item<bool>());
        model.MergeLora();
        Assert.Empty(model.modules().OfType<LoraLinear>());
        Assert.InRange(TestModules.Distance(merged, model.call(x)), 0, 1e-6);
        model.train();
        Assert.InRange(TestModules.Distance(merged, model.call(x)), 0, 1e-6);
    }

    [Theory]
    [InlineData(LoraBias.None)]
    [InlineData(LoraBias.LoraOnly)]
    [InlineData(LoraBias.All)]
    public void What_is_frozen_keeps_its_bits_and_the_rest_learns(LoraBias bias)
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential model = Model();
        model.AddLora(new LoraOptions(2) { Alpha = 4 }, ["fc1", "table"]);

        // Table: 2 (11 + 8). fc1: 2 (8 + 6), bias 6. fc2's bias: 3.
        Assert.Equal((66 + (bias switch { LoraBias.All => 9, LoraBias.LoraOnly => 6, _ => 0 }), 88 + 54 + 21 + 66), model.MarkOnlyLoraTrainable(bias));
        Dictionary<string, Tensor> before = model.state_dict().ToDictionary(p => p.Key, p => p.Value.detach().clone());
        HashSet<string> trained = [.. model.LoraStateDict(bias).Keys];
        Tensor ids = tensor([1L, 4, 9, 10]);
        using optim.Optimizer adam = optim.AdamW(model.parameters().Where(p => p.requires_grad), lr: 0.01);
        for (int step = 0; step < 3; step++)
        {
            adam.zero_grad();
            model.call(ids).pow(2).mean().backward();
            adam.step();
        }

        Assert.All(model.state_dict(), p => Assert.Equal(!trained.Contains(p.Key), before[p.Key].equal(p.Value).all().item<bool>()));
    }

    [Theory]
    [InlineData(LoraKeys.Loralib, "table.lora_A", "fc1.lora_B")]
    [InlineData(LoraKeys.Peft, "base_model.model.table.lora_embedding_A", "base_model.model.fc1.lora_B.weight")]
    public void An_adapter_goes_through_a_file(LoraKeys keys, string first, string last)
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential trained = Model(), other = Model();
        trained.AddLora(new LoraOptions(2) { Alpha = 4 }, ["fc1", "table"]);
        other.load_state_dict(trained.state_dict().Where(p => !p.Key.Contains("lora_", StringComparison.Ordinal)).ToDictionary(p => p.Key, p => p.Value));
        other.AddLora(new LoraOptions(2) { Alpha = 4 }, ["fc1", "table"]);
        foreach (LoraModule layer in trained.modules().OfType<LoraModule>()) Randomize(layer);
        trained.SaveLora(File, keys: keys);
        Dictionary<string, Tensor> state = trained.LoraStateDict(keys: keys);
        Assert.Equal(4, state.Count);
        Assert.Equal((first, last), (state.Keys.First(), state.Keys.Last()));
        Tensor ids = tensor([1L, 4, 9, 10]), expected = trained.call(ids);
        other.eval();
        Assert.False(expected.equal(other.call(ids)).all().item<bool>());
        WeightReport report = other.LoadLora(File);
        Assert.Equal(4, report.Loaded.Count);
        Assert.True(report.IsComplete);
        Assert.InRange(TestModules.Distance(expected, other.call(ids)), 0, 1e-6);
        other.train();
        Assert.True(expected.equal(other.call(ids)).all().item<bool>());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PiSSA_computes_what_the_layer_did_and_leaves_the_tail(bool groups)
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential model = nn.Sequential(("fc", nn.Linear(20, 12)));
        Tensor x = TestModules.Input(5, 20), before = model.call(x), weight = model.parameters().First().detach().clone();
        model.AddLora(new LoraOptions(3) { Alpha = 6, Start = LoraStart.Pissa, EnabledGroups = groups ? [true, false] : null });
        Assert.InRange(TestModules.Distance(before, model.call(x)), 0, 1e-5);
        var layer = model.modules().OfType<LoraLinear>().Single();
        (_, Tensor s, _) = linalg.svd(groups ? weight.narrow(0, 0, 6) : weight, fullMatrices: false);
        Tensor rest = groups ? layer.Weight.narrow(0, 0, 6) : layer.Weight;
        Assert.Equal(s.narrow(0, 3, s.shape[0] - 3).norm().item<float>(), rest.norm().item<float>(), 1e-3f);
        if (groups) Assert.True(weight.narrow(0, 6, 6).equal(layer.Weight.narrow(0, 6, 6)).all().item<bool>());
    }

    [Fact]
    public void An_error_leaves_the_module_as_it_was()
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential model = nn.Sequential(("a", nn.Linear(8, 8)), ("b", nn.Linear(8, 3)));
        Dictionary<string, Tensor> before = model.state_dict().ToDictionary(p => p.Key, p => p.Value.detach().clone());
        void Fails(string id, Action act) => Assert.Equal(id, Assert.Throws<LowRankToolsException>(act).ErrorId);
        Fails("RankExceedsLayer", () => model.AddLora(new LoraOptions(4) { Start = LoraStart.Pissa }));
        Fails("NoLayerMatches", () => model.AddLora(new LoraOptions(4), ["c"]));
        Fails("RankNotPositive", () => model.AddLora(new LoraOptions(0)));
        using var narrow = new Narrow();
        Fails("ModuleNotReplaceable", () => narrow.AddLora(new LoraOptions(2)));
        Assert.All(model.state_dict(), p => Assert.True(before[p.Key].equal(p.Value).all().item<bool>()));
        Assert.All(model.parameters(), p => Assert.True(p.requires_grad));
        using var grouped = new LoraLinear(4, 6, new LoraOptions(1) { EnabledGroups = [true, false] });
        Fails("NoPeftLayout", () => grouped.LoraStateDict(keys: LoraKeys.Peft));
    }

    [Fact]
    public void Layers_that_share_a_weight_keep_sharing_it()
    {
        using DisposeScope scope = NewDisposeScope();
        Linear first = nn.Linear(8, 8), second = nn.Linear(8, 8);
        second.weight = first.weight!;
        using Sequential model = nn.Sequential(("a", first), ("b", second));
        Assert.Equal("WeightIsShared", Assert.Throws<LowRankToolsException>(() => model.AddLora(new LoraOptions(2) { Start = LoraStart.Pissa })).ErrorId);
        model.AddLora(new LoraOptions(2));
        Assert.Equal(64 + 16 + (4 * 16), model.CountParameters());
        Assert.Equal("a.weight", model.ListLayerShapes().Single(p => p.TiedTo is not null).TiedTo);
        model.MergeLora();
        Assert.Equal((2 * 64) + 16, model.CountParameters());
    }

    [Fact]
    public void Runs_leave_no_tensor_behind()
    {
        using DisposeScope outer = NewDisposeScope();
        using Sequential model = Model();
        model.AddLora(new LoraOptions(2) { Dropout = 0.5 }, ["fc1", "table"]);
        Tensor ids = tensor([1L, 4]);
        long Count()
        {
            using (Tensor y = model.call(ids))
            {
            }

            model.eval();
            using (Tensor y = model.call(ids))
            {
            }

            model.train();
            return Tensor.TotalCount;
        }

        long before = Count();
        Assert.Equal(before, Count());
    }

    private static Sequential Model() => nn.Sequential(("table", nn.Embedding(11, 8)), ("fc1", nn.Linear(8, 6)), ("act", nn.GELU()), ("fc2", nn.Linear(6, 3)));

    private static void Randomize(LoraModule layer)
    {
        using IDisposable frozen = no_grad();
        layer.A.normal_(0, 0.3);
        layer.B.normal_(0, 0.3);
    }

    private static void AssertClose(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.InRange((expected - actual).abs().max().item<double>(), 0, 1e-13 * (1 + expected.abs().max().item<double>()));
    }
}
