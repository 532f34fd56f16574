using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

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
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Rank(rank));

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
    [InlineData(300, 500, 16, 0.3)]
    [InlineData(500, 300, 16, 0.5)]
    [InlineData(300, 500, 16, 1)]
    [InlineData(400, 700, 50, 0.3)]
    [InlineData(700, 400, 50, 0.5)]
    [InlineData(400, 700, 50, 1)]
    public void The_Krylov_route_ends_within_two_thousandths_of_the_optimum(int rows, int columns, int rank, double exponent)
    {
        double[] spectrum = TestMatrices.PowerLaw(Math.Min(rows, columns), exponent);
        using Matrix<float> a = TestMatrices.WithSingularValues(rows, columns, spectrum, 21);
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Rank(rank));
        Assert.StartsWith("block Krylov", svd.Algorithm, StringComparison.Ordinal);
        double optimum = Math.Sqrt(spectrum.Skip(rank).Sum(s => s * s) / spectrum.Sum(s => s * s));
        Assert.InRange(svd.RelativeError / optimum, 1 - 1e-5, 1.002);
        Assert.InRange(Residual.Orthogonality(svd.U.View), 0, 10);
        Assert.InRange(Residual.Orthogonality(svd.Vt.Transposed), 0, 10);
    }

    // The faster a spectrum falls, the smaller the error is against the largest value, down to float32's own rounding.
    [Theory]
    [InlineData(1.5)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void The_promise_is_kept_where_the_error_is_small(double exponent)
    {
        double[] spectrum = TestMatrices.PowerLaw(300, exponent);
        using Matrix<float> a = TestMatrices.WithSingularValues(300, 420, spectrum, 27);
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Rank(24));
        double optimum = Math.Sqrt(spectrum.Skip(24).Sum(s => s * s)), norm = Math.Sqrt(spectrum.Sum(s => s * s));
        Assert.InRange(Residual.Distance(a.View, svd), 0, (1.002 * optimum) + (5 * norm * Residual.SingleEpsilon));
        for (int k = 0; k < 24; k++) Assert.InRange(Math.Abs(svd.SingularValues[k] - spectrum[k]), 0, (0.02 * spectrum[k]) + (10 * Residual.SingleEpsilon));
    }

    [Theory]
    [InlineData(300, 400, 10, 0.5)]
    [InlineData(300, 400, 75, 0.5)]
    [InlineData(300, 400, 150, 1)]
    public void Exact_accuracy_ends_within_a_millionth_of_the_optimum(int rows, int columns, int rank, double exponent)
    {
        double[] spectrum = TestMatrices.PowerLaw(rows, exponent);
        using Matrix<float> a = TestMatrices.WithSingularValues(rows, columns, spectrum, 22);
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Rank(rank), new SvdOptions { Accuracy = SvdAccuracy.Exact });

        // The optimum of the stored float32 matrix, which differs from the spectrum it was made of.
        double[] values = SingularValues.Compute(a.View);
        double optimum = Math.Sqrt(values.Skip(rank).Sum(s => s * s) / svd.SquaredNorm);
        Assert.InRange(svd.RelativeError / optimum, 1 - 2e-6, 1 + 1e-6);
    }

    // In float32 where that is enough for what is promised; the promise holds either way.
    [Theory]
    [InlineData(300, 400, 75, 0.5, SvdAccuracy.Exact, "float32 Gram")]
    [InlineData(400, 300, 150, 0.3, SvdAccuracy.Exact, "float32 Gram")]
    [InlineData(300, 400, 150, 2, SvdAccuracy.Exact, "float64 Gram")]
    [InlineData(300, 400, 200, 1, SvdAccuracy.Compression, "float32 Gram")]
    [InlineData(300, 400, 200, 3, SvdAccuracy.Compression, "float64 Gram")]
    [InlineData(300, 400, 300, 0.5, SvdAccuracy.Compression, "float64 Gram")]
    public void The_dense_route_keeps_its_promise_in_either_precision(int rows, int columns, int rank, double exponent, SvdAccuracy accuracy, string algorithm)
    {
        double[] spectrum = TestMatrices.PowerLaw(Math.Min(rows, columns), exponent);
        using Matrix<float> a = TestMatrices.WithSingularValues(rows, columns, spectrum, 28);
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Rank(rank), new SvdOptions { Accuracy = accuracy });
        Assert.Equal(algorithm, svd.Algorithm);
        double[] values = SingularValues.Compute(a.View);
        double optimum = Math.Sqrt(values.Skip(rank).Sum(s => s * s)), norm = Math.Sqrt(svd.SquaredNorm);
        double allowed = accuracy == SvdAccuracy.Exact ? 1 + 1e-6 : 1.002;
        Assert.InRange(Residual.Distance(a.View, svd), 0, (allowed * optimum) + (5 * norm * Residual.SingleEpsilon));
        Assert.InRange(Residual.Orthogonality(svd.U.View), 0, 10);
        Assert.InRange(Residual.Orthogonality(svd.Vt.Transposed), 0, 10);
        AssertDescending(svd.SingularValues);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.8)]
    [InlineData(0.95)]
    public void The_float32_route_finds_the_smallest_rank_that_holds_the_energy(double share)
    {
        using Matrix<float> a = TestMatrices.WithSingularValues(300, 400, TestMatrices.PowerLaw(300, 0.5), 29);
        double[] values = SingularValues.Compute(a.View);
        double total = values.Sum(s => s * s);
        int expected = Enumerable.Range(1, 300).First(k => values.Take(k).Sum(s => s * s) >= share * total);
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Energy(share));
        using TruncatedSvdResult limited = MatrixSvd.Compute(a.View, new RankTarget.Energy(share) { MaxRank = expected - 1 }, new SvdOptions { Accuracy = SvdAccuracy.Exact });
        Assert.Equal(("float32 Gram", expected), (svd.Algorithm, svd.Rank));
        Assert.InRange(svd.RelativeError, 0, Math.Sqrt(1 - share));
        Assert.Equal(expected - 1, limited.Rank);
    }

    [Fact]
    public void Small_blocks_take_a_small_matrix_through_many_steps()
    {
        double[] spectrum = TestMatrices.PowerLaw(60, 0.5);
        using Matrix<float> a = TestMatrices.WithSingularValues(60, 80, spectrum, 23);
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Rank(6), new SvdOptions { DenseThreshold = 8, BlockSize = 2, Oversampling = 4 });
        Assert.StartsWith("block Krylov", svd.Algorithm, StringComparison.Ordinal);
        double optimum = Math.Sqrt(spectrum.Skip(6).Sum(s => s * s) / spectrum.Sum(s => s * s));
        Assert.InRange(svd.RelativeError / optimum, 1 - 1e-5, 1.005);
        Assert.InRange(Residual.Orthogonality(svd.U.View), 0, 20);
    }

    [Theory]
    [InlineData(64, 0)]
    [InlineData(1, 0)]
    [InlineData(-5, -5)]
    public void Odd_tuning_numbers_still_give_a_correct_answer(int blockSize, int oversampling)
    {
        using Matrix<float> a = TestMatrices.WithSingularValues(200, 250, TestMatrices.PowerLaw(200, 0.5), 26);
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Rank(5), new SvdOptions { BlockSize = blockSize, Oversampling = oversampling });
        Assert.Equal(5, svd.Rank);
        double optimum = Math.Sqrt(TestMatrices.PowerLaw(200, 0.5).Skip(5).Sum(s => s * s) / TestMatrices.PowerLaw(200, 0.5).Sum(s => s * s));
        Assert.InRange(svd.RelativeError / optimum, 1 - 1e-5, 1.01);
        Assert.InRange(Residual.Orthogonality(svd.U.View), 0, 20);
    }

    [Fact]
    public void A_large_rank_deficient_or_zero_matrix_survives_the_Krylov_route()
    {
        using Matrix<float> low = TestMatrices.WithSingularValues(400, 500, [5, 4, 3], 24), zero = new(400, 500);
        using TruncatedSvdResult svd = MatrixSvd.Compute(low.View, new RankTarget.Rank(20)), none = MatrixSvd.Compute(zero.View, new RankTarget.Rank(20));
        Assert.InRange(svd.RelativeError, 0, 20 * Residual.SingleEpsilon);
        Assert.InRange(Residual.Orthogonality(svd.U.View), 0, 10);
        Assert.InRange(Residual.Orthogonality(svd.Vt.Transposed), 0, 10);
        Assert.All(none.SingularValues, value => Assert.Equal(0, value));
        Assert.InRange(Residual.Orthogonality(none.U.View), 0, 10);
        Assert.InRange(Residual.Orthogonality(none.Vt.Transposed), 0, 10);
    }

    [Fact]
    public void A_cancelled_decomposition_stops()
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(400, 500, 25);
        using var source = new CancellationTokenSource();
        var progress = new CancelAtFirstReport(source);
        Assert.ThrowsAny<OperationCanceledException>(() => MatrixSvd.Compute(a.View, new RankTarget.Rank(20), null, progress, source.Token));
    }

    private sealed class CancelAtFirstReport(CancellationTokenSource source) : IProgress<double>
    {
        public void Report(double value) => source.Cancel();
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    [InlineData(1)]
    public void Energy_asks_for_the_smallest_rank_that_holds_it(double share)
    {
        double[] spectrum = TestMatrices.PowerLaw(60, 0.7);
        using Matrix<float> a = TestMatrices.WithSingularValues(80, 60, spectrum, 6);
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Energy(share));
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
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Tolerance(tolerance));
        double norm = Math.Sqrt(spectrum.Sum(s => s * s));
        Assert.InRange(svd.RelativeError, 0, tolerance);
        Assert.True(Math.Sqrt(spectrum.Skip(svd.Rank - 1).Sum(s => s * s)) > tolerance * norm);
    }

    [Fact]
    public void A_rank_limit_wins_over_the_energy()
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(40, 40, 8);
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Energy(0.99) { MaxRank = 4 });
        Assert.Equal(4, svd.Rank);
    }

    [Fact]
    public void The_largest_entry_of_each_left_vector_is_positive()
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(90, 50, 9);
        using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Rank(7));
        for (int k = 0; k < 7; k++)
        {
            float[] column = [.. Enumerable.Range(0, 90).Select(i => svd.U[i, k])];
            Assert.True(column.MaxBy(Math.Abs) > 0);
        }
    }

    [Theory]
    [InlineData(9)]
    [InlineData(150)]
    [InlineData(300)]
    public void The_bits_depend_on_neither_threads_nor_chance(int rank)
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(300, 400, 14);
        TruncatedSvdResult[] results = [.. new[] { 1, 2, 5 }.Select(threads => MatrixSvd.Compute(a.View, new RankTarget.Rank(rank), new SvdOptions { ThreadCount = threads }))];
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
