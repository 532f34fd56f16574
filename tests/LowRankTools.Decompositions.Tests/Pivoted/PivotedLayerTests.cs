using LowRankTools.Decompositions.Pivoted;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

/// <summary>Pairs in as few numbers as a matrix of their rank has.</summary>
public sealed class PivotedLayerTests
{
    private static readonly PivotedLayer s_method = new();

    [Theory]
    [InlineData(30, 20, 7)]
    [InlineData(20, 30, 19)]
    [InlineData(2, 5, 1)]
    public void The_product_of_a_pair_stays(int rows, int columns, int rank)
    {
        using Matrix<double> left = TestTensors.GaussianMatrix(1, rows, rank), right = TestTensors.GaussianMatrix(2, rank, columns);
        IReadOnlyList<Tensor> factors = s_method.FromPair(left.View, right.View, ComputeOptions.Default);
        using Tensor dense = s_method.Dense([rows, columns], [rank], factors);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
                Assert.Equal(Enumerable.Range(0, rank).Sum(k => left[i, k] * right[k, j]), dense.Values[(i * columns) + j], 1e-9);
        }
        Assert.Equal(rank, factors[0].Values.ToArray().Count(p => p == 1));
    }

    [Fact]
    public void Columns_that_depend_on_one_another_do_no_harm()
    {
        using Matrix<double> left = TestTensors.GaussianMatrix(1, 12, 4), right = TestTensors.GaussianMatrix(2, 4, 9);
        for (int i = 0; i < 12; i++)
            (left[i, 1], left[i, 3]) = (2 * left[i, 0], 0);
        IReadOnlyList<Tensor> factors = s_method.FromPair(left.View, right.View, ComputeOptions.Default);
        using Tensor dense = s_method.Dense([12, 9], [4], factors);
        Assert.All(Enumerable.Range(0, 12 * 9), n => Assert.Equal(Enumerable.Range(0, 4).Sum(k => left[n / 9, k] * right[k, n % 9]), dense.Values[n], 1e-9));
    }

    [Fact]
    public void It_has_the_numbers_of_a_matrix_of_its_rank_and_one_for_each_row()
    {
        // r (m + n - r) is the dimension of the set of m x n matrices of rank r.
        Assert.Equal((5 * (30 + 20 - 5)) + 30, s_method.Parameters([30, 20], [5]));
        Assert.Equal(5L * (30 + 20 - 5), s_method.MultiplyAdds([30, 20], [5], isLookup: false));
        IReadOnlyList<int> within = s_method.RanksWithin([300, 512], 0.6 * 300 * 512);
        Assert.InRange(s_method.Parameters([300, 512], within), 1, (long)(0.6 * 300 * 512));
        Assert.True(s_method.Parameters([300, 512], [within[0] + 1]) > 0.6 * 300 * 512);
    }

    [Theory]
    [InlineData(24, 16, 16)]
    [InlineData(16, 24, 15)]
    public void It_loses_what_the_best_matrix_of_its_rank_does(int rows, int columns, int most)
    {
        using Tensor weight = TestTensors.Gaussian(5, rows, columns);
        IReadOnlyList<double> errors = s_method.AllErrors(weight, ComputeOptions.Default);
        Assert.Equal(most, errors.Count);
        foreach (int rank in new[] { 1, 6, most })
        {
            IReadOnlyList<Tensor> factors = s_method.Factorize(weight, [rank], ComputeOptions.Default);
            Assert.Equal(errors[rank - 1], s_method.ErrorAgainst(weight, [rank], factors), 1e-9);
        }
        Assert.Equal(most == Math.Min(rows, columns), errors[^1] < 1e-7);
        Assert.True(errors.Zip(errors.Skip(1)).All(p => p.First >= p.Second));
    }

    [Fact]
    public void A_planted_rank_is_found_by_its_tolerance()
    {
        using Matrix<double> left = TestTensors.GaussianMatrix(1, 40, 3), right = TestTensors.GaussianMatrix(2, 3, 30);
        using Tensor weight = s_method.Dense([40, 30], [3], s_method.FromPair(left.View, right.View, ComputeOptions.Default));
        Assert.Equal([3], s_method.RanksFor(weight, 1e-6, ComputeOptions.Default));
        using Tensor noise = TestTensors.Gaussian(1, 40, 30);
        Assert.Null(s_method.RanksFor(noise, 1e-9, ComputeOptions.Default));
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    public void Pivots_that_are_neither_zero_nor_one_are_refused(double pivot)
    {
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => PivotOrder.Of([1, 0, pivot], 1)).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => PivotOrder.Of([1, 0, 1], 1)).ErrorId);
        Assert.Equal([0, 2, 1], PivotOrder.Of([1, 0, 1], 2));
    }

    [Fact]
    public void The_full_rank_of_a_tall_matrix_is_there_and_that_of_a_flat_one_is_not()
    {
        Assert.Equal([20], s_method.MostRanks([30, 20]));
        Assert.Equal([19], s_method.MostRanks([20, 30]));
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => s_method.Factors([20, 30], [20])).ErrorId);
    }
}
