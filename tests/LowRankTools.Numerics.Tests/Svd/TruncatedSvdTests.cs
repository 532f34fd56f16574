namespace LowRankTools.Numerics.Tests;

public sealed class TruncatedSvdTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 9, 1)]
    [InlineData(9, 1, 1)]
    [InlineData(17, 5, 3)]
    [InlineData(5, 17, 5)]
    [InlineData(64, 64, 64)]
    [InlineData(200, 130, 20)]
    [InlineData(130, 257, 40)]
    public void Factors_are_orthonormal_and_the_error_is_the_tail(int rows, int columns, int rank)
    {
        double[] spectrum = TestMatrices.PowerLaw(Math.Min(rows, columns), 0.5);
        using Matrix<float> a = TestMatrices.WithSingularValues(rows, columns, spectrum, 5);
        using TruncatedSvdResult svd = TruncatedSvd.Compute(a.View, new RankTarget.Rank(rank));

        Assert.Equal(rank, svd.Rank);
        Assert.InRange(Residual.Orthogonality(svd.U.View), 0, 50);
        Assert.InRange(Residual.Orthogonality(svd.Vt.Transposed), 0, 50);
        AssertDescending(svd.SingularValues);
        double optimum = Math.Sqrt(spectrum.Skip(rank).Sum(s => s * s));
        double norm = Math.Sqrt(spectrum.Sum(s => s * s));
        double distance = Residual.Distance(a.View, svd);
        Assert.InRange(distance, 0, (1.002 * optimum) + (20 * norm * Residual.SingleEpsilon));
        Assert.InRange(Math.Abs(distance - (svd.RelativeError * norm)), 0, (1e-4 * distance) + (20 * norm * Residual.SingleEpsilon));
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    [InlineData(1)]
    public void Energy_asks_for_the_smallest_rank_that_holds_it(double share)
    {
        double[] spectrum = TestMatrices.PowerLaw(60, 0.7);
        using Matrix<float> a = TestMatrices.WithSingularValues(80, 60, spectrum, 6);
        using TruncatedSvdResult svd = TruncatedSvd.Compute(a.View, new RankTarget.Energy(share));
        double total = spectrum.Sum(s => s * s);
        int expected = Enumerable.Range(1, 60).First(k => k == 60 || spectrum.Take(k).Sum(s => s * s) >= share * total * (1 - 1e-9));
        Assert.InRange(svd.Rank, expected - (share == 1 ? 1 : 0), expected);
    }

    [Theory]
    [InlineData(0.6)]
    [InlineData(0.2)]
    public void Tolerance_is_kept_by_the_smallest_rank(double tolerance)
    {
        double[] spectrum = TestMatrices.PowerLaw(60, 0.7);
        using Matrix<float> a = TestMatrices.WithSingularValues(60, 90, spectrum, 7);
        using TruncatedSvdResult svd = TruncatedSvd.Compute(a.View, new RankTarget.Tolerance(tolerance));
        double norm = Math.Sqrt(spectrum.Sum(s => s * s));
        Assert.InRange(svd.RelativeError, 0, tolerance);
        Assert.True(Math.Sqrt(spectrum.Skip(svd.Rank - 1).Sum(s => s * s)) > tolerance * norm);
    }

    [Fact]
    public void A_rank_limit_wins_over_the_energy()
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(40, 40, 8);
        using TruncatedSvdResult svd = TruncatedSvd.Compute(a.View, new RankTarget.Energy(0.99) { MaxRank = 4 });
        Assert.Equal(4, svd.Rank);
    }

    [Fact]
    public void The_largest_entry_of_each_left_vector_is_positive()
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(90, 50, 9);
        using TruncatedSvdResult svd = TruncatedSvd.Compute(a.View, new RankTarget.Rank(7));
        for (int k = 0; k < 7; k++)
        {
            float[] column = [.. Enumerable.Range(0, 90).Select(i => svd.U[i, k])];
            Assert.True(column.MaxBy(Math.Abs) > 0);
        }
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 5)]
    [InlineData(5, 0)]
    public void A_matrix_without_entries_has_rank_zero(int rows, int columns)
    {
        using var a = new Matrix<float>(rows, columns);
        using TruncatedSvdResult svd = TruncatedSvd.Compute(a.View, new RankTarget.Energy(0.9));
        Assert.Equal(0, svd.Rank);
        Assert.Equal((rows, columns), (svd.U.Rows, svd.Vt.Columns));
        Assert.Equal("RankExceedsLayer", Assert.Throws<LowRankToolsException>(() => TruncatedSvd.Compute(a.View, new RankTarget.Rank(1))).ErrorId);
    }

    [Fact]
    public void A_zero_matrix_has_zero_values_and_orthonormal_factors()
    {
        using var a = new Matrix<float>(30, 20);
        using TruncatedSvdResult svd = TruncatedSvd.Compute(a.View, new RankTarget.Rank(3));
        Assert.All(svd.SingularValues, value => Assert.Equal(0, value));
        Assert.Equal(0, svd.RelativeError);
        Assert.InRange(Residual.Orthogonality(svd.U.View), 0, 50);
        Assert.InRange(Residual.Orthogonality(svd.Vt.Transposed), 0, 50);
    }

    [Fact]
    public void Rank_beyond_the_true_rank_stays_orthonormal_and_exact()
    {
        using Matrix<float> a = TestMatrices.WithSingularValues(70, 50, [3, 2, 1], 10);
        using TruncatedSvdResult svd = TruncatedSvd.Compute(a.View, new RankTarget.Rank(12));
        Assert.InRange(Residual.Orthogonality(svd.U.View), 0, 50);
        Assert.InRange(svd.RelativeError, 0, 10 * Residual.SingleEpsilon);
        AssertDescending(svd.SingularValues);
        Assert.InRange(svd.SingularValues[3], 0, 50 * Residual.SingleEpsilon);
    }

    [Theory]
    [InlineData(1e-30f)]
    [InlineData(1e30f)]
    public void Scale_does_not_matter(float scale)
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(60, 40, 12);
        foreach (ref float value in a.RowBlock(0, 60)) value *= scale;
        using TruncatedSvdResult svd = TruncatedSvd.Compute(a.View, new RankTarget.Rank(5));
        Assert.InRange(Residual.Orthogonality(svd.U.View), 0, 50);
        Assert.InRange(svd.RelativeError, 0.1, 0.95);
        Assert.InRange(svd.SingularValues[0] / scale, 8, 20);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Values_that_are_not_finite_are_refused(float value)
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(20, 30, 13);
        a[7, 11] = value;
        Assert.Equal("NonFiniteValues", Assert.Throws<LowRankToolsException>(() => TruncatedSvd.Compute(a.View, new RankTarget.Rank(2))).ErrorId);
        Assert.Equal("NonFiniteValues", Assert.Throws<LowRankToolsException>(() => SingularValues.Compute(a.View)).ErrorId);
    }

    [Theory]
    [InlineData(0, "RankNotPositive")]
    [InlineData(-3, "RankNotPositive")]
    [InlineData(21, "RankExceedsLayer")]
    public void Impossible_ranks_are_named(int rank, string errorId)
    {
        using var a = new Matrix<float>(20, 30);
        Assert.Equal(errorId, Assert.Throws<LowRankToolsException>(() => TruncatedSvd.Compute(a.View, new RankTarget.Rank(rank))).ErrorId);
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.5)]
    [InlineData(double.NaN)]
    public void Impossible_shares_are_named(double share)
    {
        using var a = new Matrix<float>(20, 30);
        Assert.Equal("ShareOutOfRange", Assert.Throws<LowRankToolsException>(() => TruncatedSvd.Compute(a.View, new RankTarget.Energy(share))).ErrorId);
        Assert.Equal("ShareOutOfRange", Assert.Throws<LowRankToolsException>(() => TruncatedSvd.Compute(a.View, new RankTarget.Tolerance(share))).ErrorId);
    }

    [Fact]
    public void The_bits_depend_on_neither_threads_nor_chance()
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(300, 400, 14);
        TruncatedSvdResult[] results = [.. new[] { 1, 2, 5 }.Select(threads => TruncatedSvd.Compute(a.View, new RankTarget.Rank(9), new SvdOptions { ThreadCount = threads }))];
        foreach (TruncatedSvdResult result in results)
        {
            Assert.Equal(results[0].U.ToArray(), result.U.ToArray());
            Assert.Equal(results[0].Vt.ToArray(), result.Vt.ToArray());
            Assert.Equal(results[0].SingularValues, result.SingularValues);
            Assert.Equal(results[0].RelativeError, result.RelativeError);
        }
    }

    [Fact]
    public void All_singular_values_are_those_the_matrix_was_made_of()
    {
        double[] spectrum = TestMatrices.PowerLaw(90, 1);
        using Matrix<float> a = TestMatrices.WithSingularValues(120, 90, spectrum, 15);
        double[] values = SingularValues.Compute(a.Transposed);
        for (int i = 0; i < spectrum.Length; i++) Assert.InRange(Math.Abs(values[i] - spectrum[i]), 0, 20 * Residual.SingleEpsilon);
    }

    private static void AssertDescending(double[] values)
    {
        Assert.All(values, value => Assert.True(value >= 0));
        Assert.Equal(values.OrderDescending(), values);
    }
}
