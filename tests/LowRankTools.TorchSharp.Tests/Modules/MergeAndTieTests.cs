using LowRankTools.TorchSharp.Modules;
using LowRankTools.TorchSharp.Surgery;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Tests;

/// <summary>Back to dense layers, and parameters that share memory.</summary>
[Collection(LibTorch.Name)]
public sealed class MergeAndTieTests
{
    [Theory]
    [InlineData(PairBias.Second)]
    [InlineData(PairBias.Both)]
    public void Merged_pairs_compute_what_the_pairs_did(PairBias bias)
    {
        using Block module = new();
        string[] names = [.. module.state_dict().Keys];
        module.FactorizeLinear(6, new FactorizeLinearOptions { Bias = bias, Initialization = PairInitialization.Random });
        using Tensor x = TestModules.Input(3, 24), before = module.call(x);
        Assert.Equal(["_in", "_middle.0", "_middle.1.1", "head0", "head1"], module.MergePairs());
        using Tensor after = module.call(x);
        Assert.InRange(TestModules.Distance(before, after), 0, 1e-5);
        Assert.Equal(names, module.state_dict().Keys.Where(name => bias == PairBias.Second || name != "_middle.1.1.bias"));
        Assert.Empty(module.MergePairs());
    }

    [Fact]
    public void Two_layers_in_a_row_that_are_no_pair_stay_two()
    {
        using Sequential module = TestModules.Notebook();
        Assert.Empty(module.MergePairs());
        Assert.Equal(2, module.Count);
    }

    [Fact]
    public void One_layer_in_two_places_becomes_one_pair_in_two_places()
    {
        Linear shared = nn.Linear(30, 30);
        using Sequential module = nn.Sequential(("a", shared), ("b", nn.ReLU()), ("c", shared));
        Assert.Equal(930, module.CountParameters());
        module.FactorizeLinear(5);
        Assert.Same(module.children().First(), module.children().Last());
        Assert.Equal((5 * 60) + 30, module.CountParameters());
    }

    [Fact]
    public void Layers_that_share_a_weight_share_its_factors()
    {
        Linear first = nn.Linear(30, 30), second = nn.Linear(30, 30);
        second.weight = first.weight;
        using Sequential module = nn.Sequential(first, second);
        Assert.Equal(900 + 60, module.CountParameters());
        Assert.Equal("0.weight", module.ListLayerShapes().Single(p => p.TiedTo is not null).TiedTo);
        using Tensor x = TestModules.Input(4, 30), before = module.call(x);
        module.FactorizeLinear(30, new FactorizeLinearOptions { IncludeUnprofitable = true });
        using Tensor after = module.call(x);
        Assert.Equal(1800 + 60, module.CountParameters());
        Assert.InRange(TestModules.Distance(before, after), 0, 1e-4);
        module.MergePairs();
        using Tensor merged = module.call(x);
        Assert.Equal(900 + 60, module.CountParameters());
        Assert.InRange(TestModules.Distance(before, merged), 0, 1e-4);
    }

    [Fact]
    public void A_weight_shared_with_an_embedding_stays_dense()
    {
        Embedding embedding = nn.Embedding(50, 30);
        Linear head = nn.Linear(30, 50, hasBias: false), other = nn.Linear(30, 30);
        head.weight = embedding.weight!;
        using Sequential module = nn.Sequential(("embedding", embedding), ("other", other), ("head", head));
        IReadOnlyList<LinearReplacement> replaced = module.FactorizeLinear(4);
        Assert.Equal([StaysDense.No, StaysDense.TiedToDense], replaced.Select(r => r.Reason));
        Assert.Equal(1500 + (4 * 60) + 30, module.CountParameters());
    }

    [Fact]
    public void Shapes_are_listed_with_what_they_belong_to()
    {
        using Sequential module = nn.Sequential(("fc", nn.Linear(6, 4)), ("norm", nn.LayerNorm(4)));
        IReadOnlyList<ModuleLayer> layers = module.ListLayerShapes();
        Assert.Equal(["fc.weight", "fc.bias", "norm.weight", "norm.bias"], layers.Select(p => p.Name));
        Assert.Equal((6L, 4L, 24L, "Linear"), (layers[0].InFeatures!.Value, layers[0].OutFeatures!.Value, layers[0].Parameters, layers[0].Kind));
        Assert.Null(layers[2].InFeatures);
        Assert.Equal(module.CountParameters(), layers.Sum(p => p.Parameters));
        using (no_grad()) module.parameters().First().requires_grad = false;
        Assert.Equal(12, module.CountParameters(trainableOnly: true));
    }
}
