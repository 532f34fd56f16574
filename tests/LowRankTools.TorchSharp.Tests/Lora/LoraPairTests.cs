using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Lora;
using LowRankTools.TorchSharp.Modules;
using LowRankTools.TorchSharp.Surgery;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Tests;

/// <summary>LoRA around pairs: what was truncated is learned back beside factors that stay.</summary>
[Collection(LibTorch.Name)]
public sealed class LoraPairTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lowrank-lora-pair-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(PairBias.Second)]
    [InlineData(PairBias.Both)]
    public void It_starts_without_a_change_computes_the_formula_and_merges_into_a_pair_of_the_ranks_sum(PairBias bias)
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential model = Model(bias);
        Tensor x = randn(7, 16), before = model.call(x);
        Assert.Equal(["a", "b"], model.AddLora(new LoraOptions(2) { Alpha = 6 }));
        Assert.True(before.equal(model.call(x)).all().item<bool>());

        LoraPair[] pairs = [.. model.modules().OfType<LoraPair>()];
        foreach (LoraPair pair in pairs) Randomize(pair);
        Tensor dense = pairs[0].Second.weight!.mm(pairs[0].First.weight!).add(pairs[0].B.mm(pairs[0].A), 3);
        Tensor inner = pairs[0].First.bias is { } b ? pairs[0].Second.weight!.mv(b) : zeros(12);
        Assert.InRange(TestModules.Distance(nn.functional.linear(x, dense, inner + pairs[0].Second.bias!), pairs[0].call(x)), 0, 1e-5);

        Tensor expected = model.call(x);
        Assert.Equal(["a", "b"], model.MergeLora());
        Assert.Equal([3L + 2, 2L + 2], model.modules().OfType<LowRankPair>().Select(p => p.First.weight!.shape[0]));
        Assert.Empty(model.modules().OfType<LoraPair>());
        Assert.InRange(TestModules.Distance(expected, model.call(x)), 0, 1e-5);
    }

    [Fact]
    public void Merging_pairs_takes_the_change_along()
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential model = Model(PairBias.Second);
        model.AddLora(new LoraOptions(2));
        foreach (LoraPair pair in model.modules().OfType<LoraPair>()) Randomize(pair);
        Tensor x = randn(7, 16), expected = model.call(x);
        Assert.Equal(["a", "b"], model.MergePairs());
        Assert.Equal((16 * 12) + 12 + (12 * 8) + 8, model.CountParameters());
        Assert.InRange(TestModules.Distance(expected, model.call(x)), 0, 1e-5);
    }

    [Theory]
    [InlineData(LoraBias.None, 0)]
    [InlineData(LoraBias.LoraOnly, 12 + 8)]
    public void Only_the_change_learns_and_goes_through_a_file(LoraBias bias, long biases)
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential model = Model(PairBias.Second), other = Model(PairBias.Second);
        other.load_state_dict(model.state_dict());
        foreach (Sequential each in new[] { model, other }) each.AddLora(new LoraOptions(2));
        Assert.Equal((2 * (16 + 12)) + (2 * (12 + 8)) + biases, model.MarkOnlyLoraTrainable(bias).Trainable);
        Dictionary<string, Tensor> before = model.state_dict().ToDictionary(p => p.Key, p => p.Value.detach().clone());
        HashSet<string> trained = [.. model.LoraStateDict(bias).Keys];
        Tensor x = randn(7, 16);
        using optim.Optimizer adam = optim.Adam(model.parameters().Where(p => p.requires_grad), lr: 0.01);
        for (int step = 0; step < 3; step++)
        {
            adam.zero_grad();
            model.call(x).pow(2).mean().backward();
            adam.step();
        }

        Assert.All(model.state_dict(), p => Assert.Equal(!trained.Contains(p.Key), before[p.Key].equal(p.Value).all().item<bool>()));
        string file = Path.Combine(_folder.FullName, "lora.safetensors");
        model.SaveLora(file, bias);
        Assert.True(other.LoadLora(file).IsComplete);
        Assert.True(model.call(x).equal(other.call(x)).all().item<bool>());
    }

    [Fact]
    public void What_it_cannot_do_is_an_error_and_changes_nothing()
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential model = Model(PairBias.Second), empty = nn.Sequential(("act", nn.GELU()));
        void Fails(string id, nn.Module module, LoraOptions options) => Assert.Equal(id, Assert.Throws<LowRankToolsException>(() => module.AddLora(options)).ErrorId);
        Fails("LoraOptionsInvalid", model, new LoraOptions(2) { Start = LoraStart.Pissa });
        Fails("LoraOptionsInvalid", model, new LoraOptions(2) { EnabledGroups = [true, false] });
        Fails("NoLayerMatches", empty, new LoraOptions(2));
        Assert.All(model.parameters(), p => Assert.True(p.requires_grad));
        Assert.Equal(2, model.modules().OfType<LowRankPair>().Count());
    }

    // Pairs of ranks 3 and 2.
    private static Sequential Model(PairBias bias)
    {
        Sequential model = nn.Sequential(("a", nn.Linear(16, 12)), ("act", nn.GELU()), ("b", nn.Linear(12, 8)));
        model.FactorizeLinear(3, new FactorizeLinearOptions { Include = ["a"], Bias = bias });
        model.FactorizeLinear(2, new FactorizeLinearOptions { Include = ["b"], Bias = bias });
        return model;
    }

    private static void Randomize(LoraPair pair)
    {
        using IDisposable frozen = no_grad();
        pair.A.normal_(0, 0.3);
        pair.B.normal_(0, 0.3);
    }
}
