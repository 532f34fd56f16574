using LowRankTools.Core.Comparison;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;

namespace LowRankTools.Core.Tests.Comparison;

public sealed class CompareModelsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Model(string name, params (string Name, long[] Shape, float[] Values)[] tensors) =>
        new(TestModel.Write(_folder[$"{name}/m.safetensors"], tensors), name);

    [Fact]
    public void Each_tensor_gets_its_status()
    {
        ModelSource a = Model("a", TestModel.Random("same", 1, 5), TestModel.Random("changed", 2, 5), TestModel.Random("shape", 3, 5), TestModel.Random("gone", 4, 5));
        ModelSource b = Model("b", TestModel.Random("same", 1, 5), TestModel.Random("changed", 9, 5), TestModel.Random("shape", 3, 6), TestModel.Random("new", 4, 5));
        Dictionary<string, DifferenceStatus> status = new CompareModels(withRank: false).Run(a, b).ToDictionary(d => d.Name, d => d.Status);
        Assert.Equal(DifferenceStatus.Same, status["same"]);
        Assert.Equal(DifferenceStatus.Changed, status["changed"]);
        Assert.Equal(DifferenceStatus.ShapeDiffers, status["shape"]);
        Assert.Equal(DifferenceStatus.OnlyInReference, status["gone"]);
        Assert.Equal(DifferenceStatus.OnlyInModel, status["new"]);
    }

    [Fact]
    public void Comparing_with_its_factorization_shows_the_factorizations_own_error()
    {
        ModelSource dense = Model("a", TestModel.Random("q.weight", 1, 40, 30), TestModel.Random("q.bias", 2, 40));
        FactorizationResult small = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(5), OutputPath = _folder["out"] }).Run(dense);
        Dictionary<string, TensorDifference> differences = new CompareModels(withRank: true).Run(dense, new ModelSource(small.Path, "s")).ToDictionary(d => d.Name);
        Assert.Equal(["q.bias", "q.weight"], differences.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(small.Layers[0].RelativeError!.Value, differences["q.weight"].RelativeError!.Value, 5);
        Assert.Equal(DifferenceStatus.Same, differences["q.bias"].Status);
        // What truncation to rank 5 leaves out of a 40 x 30 matrix of full rank has rank 25.
        Assert.Equal(25, differences["q.weight"].DeltaRank);
        Assert.False(differences["q.weight"].IsLowRank);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_merged_low_rank_change_is_found(int rank)
    {
        (string Name, long[] Shape, float[] Values) weight = TestModel.Random("q.weight", 1, 60, 50);
        float[] delta = TestModel.WithSpectrum("d", 7, 60, 50, [.. Enumerable.Repeat(0.5, rank)]).Values;
        (string, long[], float[]) tuned = ("q.weight", weight.Shape, [.. weight.Values.Zip(delta, (w, d) => w + d)]);
        TensorDifference difference = Assert.Single(new CompareModels(withRank: true).Run(Model("a", weight), Model("b", tuned)));
        Assert.Equal(rank, difference.DeltaRank);
        Assert.True(difference.IsLowRank);
        Assert.Equal(rank, difference.EffectiveRank!.Value, 1);
    }

    [Fact]
    public void A_model_equals_itself()
    {
        ModelSource a = Model("a", TestModel.Random("x", 1, 7, 7));
        TensorDifference difference = Assert.Single(new CompareModels(withRank: true).Run(a, a));
        Assert.Equal((DifferenceStatus.Same, 0.0, 0.0), (difference.Status, difference.MaxAbsoluteDifference!.Value, difference.RelativeError!.Value));
    }

    [Fact]
    public void A_difference_that_is_no_number_is_seen()
    {
        (string Name, long[] Shape, float[] Values) bad = TestModel.Random("x", 1, 7);
        bad.Values[3] = float.NaN;
        TensorDifference difference = Assert.Single(new CompareModels(withRank: true).Run(Model("a", TestModel.Random("x", 1, 7)), Model("b", bad)));
        Assert.Equal(DifferenceStatus.Changed, difference.Status);
        Assert.True(double.IsNaN(difference.MaxAbsoluteDifference!.Value));
    }
}
