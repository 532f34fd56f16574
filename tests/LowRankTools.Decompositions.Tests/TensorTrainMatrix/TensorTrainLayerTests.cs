using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.TensorTrainMatrices;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

/// <summary>TT-matrices as factors of layers.</summary>
public sealed class TensorTrainLayerTests
{
    private static readonly TensorTrainLayer s_method = new();

    [Theory]
    [InlineData(96, 64)]
    [InlineData(7, 40)]
    [InlineData(300, 512)]
    public void The_largest_ranks_lose_nothing_and_fewer_lose_what_they_say(int rows, int columns)
    {
        using Tensor weight = TestTensors.Gaussian(5, rows, columns);
        Assert.InRange(Error(weight, s_method.MostRanks([rows, columns])), 0, 1e-12);
        Assert.InRange(Error(weight, s_method.RanksOf([rows, columns], 2)), 0.1, 1);
    }

    [Theory]
    [InlineData(96, 64)]
    [InlineData(1024, 300)]
    public void Ranks_within_a_number_of_parameters_are_within_it_and_one_more_for_all_is_not(int rows, int columns)
    {
        int[] shape = [rows, columns];
        foreach (double share in new[] { 0.1, 0.3, 0.7 })
        {
            double budget = share * rows * columns;
            IReadOnlyList<int> ranks = s_method.RanksWithin(shape, budget);
            Assert.InRange(s_method.Parameters(shape, ranks), 1, (long)budget);
            Assert.True(s_method.Parameters(shape, s_method.RanksOf(shape, ranks.Max() + 1)) > budget);
        }
    }

    [Fact]
    public void A_planted_train_is_found_by_its_tolerance()
    {
        int[] shape = [96, 64], ranks = [3, 2];
        Tensor[] cores = [.. s_method.Factors(shape, ranks).Select((f, k) => TestTensors.Gaussian((ulong)k, [.. f.Shape]))];
        using Tensor weight = s_method.Dense(shape, ranks, cores);
        Assert.Equal(ranks, s_method.RanksFor(weight, 1e-6, ComputeOptions.Default));
        Assert.InRange(Error(weight, ranks), 0, 1e-12);
        using Tensor noise = TestTensors.Gaussian(1, 96, 64);
        Assert.Null(s_method.RanksFor(noise, 1e-3, ComputeOptions.Default));
    }

    [Fact]
    public void Ranks_beyond_those_of_the_matrix_are_filled_with_zeros()
    {
        using Tensor weight = new(96, 64);
        IReadOnlyList<Tensor> cores = s_method.Factorize(weight, [5, 5], ComputeOptions.Default);
        Assert.Equal(s_method.Factors([96, 64], [5, 5]).Select(f => string.Join('x', f.Shape)), cores.Select(c => string.Join('x', c.Shape)));
        using Tensor dense = s_method.Dense([96, 64], [5, 5], cores);
        Assert.All(dense.Values.ToArray(), v => Assert.Equal(0, v));
    }

    [Fact]
    public void Modes_that_were_given_are_in_the_name_and_come_back_from_it()
    {
        LayerMethod split = s_method.SplitBy([96, 64], [[2, 4, 8]]);
        Assert.Equal("TensorTrain(4x6x4, 2x4x8)", split.Name);
        Assert.Equal(split.Name, LayerMethods.Find(split.Name).Name);
        Assert.Equal([1, 4, 2, 3], split.Factors([96, 64], [3, 3])[0].Shape);
        Assert.Equal("TensorTrain", s_method.SplitBy([96, 64], [[5, 5]]).Name);
        Assert.Equal("TensorTrain(8x12, 8x8)", s_method.SplitBy([96, 64], [[8, 12], [2, 4, 8], [8, 8]]).Name);
    }

    [Theory]
    [InlineData("TensorTrain()")]
    [InlineData("TensorTrain(4x4)")]
    [InlineData("TensorTrain(4x4, 4x4x4)")]
    [InlineData("TensorTrain(4, 4)")]
    [InlineData("TensorTrain(0x4, 4x4)")]
    [InlineData("TensorTrain(-4x4, 4x4)")]
    [InlineData("TensorTrain(99999x99999, 4x4)")]
    [InlineData("TensorTrain(2x2x2x2x2x2x2x2x2x2x2, 2x2x2x2x2x2x2x2x2x2x2)")]
    [InlineData("tensortrain")]
    public void A_name_that_makes_no_sense_is_no_method(string name) => Assert.Null(LayerMethods.TryFind(name));

    [Fact]
    public void Shapes_and_ranks_that_have_no_train_are_refused()
    {
        Assert.False(s_method.Takes([4, 4, 3, 3]));
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => s_method.Factors([96, 64], [3])).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => s_method.Factors([96, 64], [17, 3])).ErrorId);
        using Tensor weight = TestTensors.Gaussian(1, 8, 8);
        weight.Values[3] = double.NaN;
        Assert.Equal("NonFiniteValues", Assert.Throws<LowRankToolsException>(() => s_method.Factorize(weight, [2], ComputeOptions.Default)).ErrorId);
    }

    private static double Error(Tensor weight, IReadOnlyList<int> ranks)
    {
        IReadOnlyList<Tensor> cores = s_method.Factorize(weight, ranks, ComputeOptions.Default);
        double error = s_method.ErrorAgainst(weight, ranks, cores);
        foreach (Tensor core in cores)
            core.Dispose();
        return error;
    }
}
