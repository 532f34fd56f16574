using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Numerics.Tests;

/// <summary>Matrices that are empty, zero, deficient or no numbers, and requests that nothing can meet.</summary>
public sealed class TruncatedSvdInputTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 5)]
    [InlineData(5, 0)]
    public void A_matrix_without_entries_has_rank_zero(int rows, int columns)
    {
        using var a = new Matrix<float>(rows, columns);
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Energy(0.9));
        Assert.Equal(0, svd.Rank);
        Assert.Equal((rows, columns), (svd.U.Rows, svd.Vt.Columns));
        Assert.Equal("RankExceedsLayer", Assert.Throws<LowRankToolsException>(() => MatrixSvd.Compute(a.View, new RankTarget.Rank(1))).ErrorId);
    }

    [Fact]
    public void A_zero_matrix_has_zero_values_and_orthonormal_factors()
    {
        using var a = new Matrix<float>(30, 20);
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Rank(3));
        Assert.All(svd.SingularValues, value => Assert.Equal(0, value));
        Assert.Equal(0, svd.RelativeError);
        Assert.InRange(Residual.Orthogonality(svd.U.View), 0, 50);
        Assert.InRange(Residual.Orthogonality(svd.Vt.Transposed), 0, 50);
    }

    [Fact]
    public void Rank_beyond_the_true_rank_stays_orthonormal_and_exact()
    {
        using Matrix<float> a = TestMatrices.WithSingularValues(70, 50, [3, 2, 1], 10);
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Rank(12));
        Assert.InRange(Residual.Orthogonality(svd.U.View), 0, 50);
        Assert.InRange(svd.RelativeError, 0, 10 * Residual.SingleEpsilon);
        Assert.Equal(svd.SingularValues.OrderDescending(), svd.SingularValues);
        Assert.InRange(svd.SingularValues[3], 0, 50 * Residual.SingleEpsilon);
    }

    [Theory]
    [InlineData(60, 40, 1e-30f)]
    [InlineData(60, 40, 1e30f)]
    [InlineData(300, 400, 1e-30f)]
    [InlineData(300, 400, 1e30f)]
    public void Scale_does_not_matter(int rows, int columns, float scale)
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(rows, columns, 12), scaled = a.Copy();
        foreach (ref float value in scaled.RowBlock(0, rows)) value *= scale;
        using TruncatedSvdResult plain = MatrixSvd.Compute(a.View, new RankTarget.Rank(5)), svd = MatrixSvd.Compute(scaled.View, new RankTarget.Rank(5));
        Assert.InRange(Residual.Orthogonality(svd.U.View), 0, 50);
        Assert.InRange(Residual.Orthogonality(svd.Vt.Transposed), 0, 50);
        Assert.InRange(svd.RelativeError / plain.RelativeError, 0.9999, 1.0001);
        Assert.InRange(svd.SingularValues[0] / scale / plain.SingularValues[0], 0.999, 1.001);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Values_that_are_not_finite_are_refused(float value)
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(20, 30, 13);
        a[7, 11] = value;
        Assert.Equal("NonFiniteValues", Assert.Throws<LowRankToolsException>(() => MatrixSvd.Compute(a.View, new RankTarget.Rank(2))).ErrorId);
        Assert.Equal("NonFiniteValues", Assert.Throws<LowRankToolsException>(() => SingularValues.Compute(a.View)).ErrorId);
    }

    [Theory]
    [InlineData(0, "RankNotPositive")]
    [InlineData(-3, "RankNotPositive")]
    [InlineData(21, "RankExceedsLayer")]
    public void Impossible_ranks_are_named(int rank, string errorId)
    {
        using var a = new Matrix<float>(20, 30);
        Assert.Equal(errorId, Assert.Throws<LowRankToolsException>(() => MatrixSvd.Compute(a.View, new RankTarget.Rank(rank))).ErrorId);
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.5)]
    [InlineData(double.NaN)]
    public void Impossible_shares_are_named(double share)
    {
        using var a = new Matrix<float>(20, 30);
        Assert.Equal("ShareOutOfRange", Assert.Throws<LowRankToolsException>(() => MatrixSvd.Compute(a.View, new RankTarget.Energy(share))).ErrorId);
        Assert.Equal("ShareOutOfRange", Assert.Throws<LowRankToolsException>(() => MatrixSvd.Compute(a.View, new RankTarget.Tolerance(share))).ErrorId);
    }
}
