using System.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Tests;

public sealed class GemmTests
{
    private static readonly int[] s_sizes = [0, 1, 2, 3, 5, 7, 8, 11, 12, 13, 16, 17, 24, 31, 32, 33, 47, 64, 65, 95, 96, 97, 129, 200, 257];

    public static TheoryData<int, int, int> Shapes()
    {
        var data = new TheoryData<int, int, int>();
        var random = new DeterministicRandom(11);
        foreach (int n in s_sizes) data.Add(n, n, n);
        for (int i = 0; i < 60; i++) data.Add(s_sizes[random.Next(s_sizes.Length)], s_sizes[random.Next(s_sizes.Length)], s_sizes[random.Next(s_sizes.Length)]);
        data.Add(700, 9, 700);
        data.Add(900, 33, 801);
        data.Add(9, 700, 900);
        data.Add(40, 1500, 1000);
        data.Add(13, 17, 9000);
        data.Add(500, 430, 390);
        for (int n = 1; n <= 9; n++)
        {
            data.Add(130 + n, n, 1100 + (7 * n));
            data.Add(n, 5000 + n, 40 + n);
        }

        // Thin products of a transposed A: rows of memory whose lines share cache sets and such that do not.
        foreach (int m in new[] { 1024, 768, 1039 })
        {
            foreach (int n in new[] { 16, 32, 43, 80 }) data.Add(m, n, 300);
        }

        data.Add(1, 600, 600);
        data.Add(600, 1, 600);
        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Float32_product_is_within_the_error_bound_in_every_layout(int m, int n, int k) => CheckLayouts<float>(m, n, k);

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Float64_product_is_within_the_error_bound_in_every_layout(int m, int n, int k) => CheckLayouts<double>(m, n, k);

    [Theory]
    [InlineData(300, 310, 500)]
    [InlineData(64, 2000, 700)]
    [InlineData(2000, 64, 700)]
    [InlineData(1003, 90, 2100)]
    [InlineData(90, 1003, 2100)]
    [InlineData(70, 70, 20000)]
    [InlineData(1000, 1, 3000)]
    [InlineData(9000, 5, 700)]
    [InlineData(1, 9000, 700)]
    public void The_bits_do_not_depend_on_the_number_of_threads(int m, int n, int k)
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(m, k, 1), b = TestMatrices.Gaussian<float>(k, n, 2);
        float[][] results = [.. new[] { 1, 2, 3, 7 }.Select(threads =>
        {
            using var c = new Matrix<float>(m, n);
            Gemm.Multiply(1, a.View, b.View, 0, c.View, new ComputeOptions { ThreadCount = threads });
            return c.ToArray();
        })];
        Assert.All(results, bits => Assert.Equal(results[0], bits));
    }

    [Fact]
    public void Beta_zero_overwrites_NaN()
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(45, 70, 1), b = TestMatrices.Gaussian<float>(70, 37, 2);
        using var c = new Matrix<float>(45, 37);
        c.RowBlock(0, 45).Fill(float.NaN);
        Gemm.Multiply(1, a.View, b.View, 0, c.View);
        Assert.DoesNotContain(c.ToArray(), float.IsNaN);

        c.RowBlock(0, 45).Fill(float.NaN);
        Gemm.Multiply(0, a.View, b.View, 0, c.View);
        Assert.All(c.ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void A_product_over_no_columns_only_scales()
    {
        using var a = new Matrix<double>(2, 0);
        using var b = new Matrix<double>(0, 2);
        using var c = Matrix<double>.From(2, 2, [1, 2, 3, 4]);
        Gemm.Multiply(1, a.View, b.View, 2, c.View);
        Assert.Equal([2, 4, 6, 8], c.ToArray());
    }

    [Fact]
    public void Shapes_that_do_not_match_are_named()
    {
        using var a = new Matrix<float>(2, 3);
        using var c = new Matrix<float>(2, 2);
        LowRankToolsException error = Assert.Throws<LowRankToolsException>(() => Gemm.Multiply(1, a.View, a.View, 0, c.View));
        Assert.Equal("ShapesDoNotMatch", error.ErrorId);
    }

    [Fact]
    public void A_cancelled_product_stops()
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(300, 300, 1);
        using var c = new Matrix<float>(300, 300);
        Assert.Throws<OperationCanceledException>(() => Gemm.Multiply(1, a.View, a.View, 0, c.View, null, new CancellationToken(canceled: true)));
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(97, 300)]
    [InlineData(257, 64)]
    [InlineData(500, 1000)]
    public void Product_with_the_own_transpose_is_the_full_product(int n, int k)
    {
        using Matrix<float> a = TestMatrices.Gaussian<float>(n, k, 3);
        using Matrix<double> wide = new(n, k), half = new(n, n), full = new(n, n);
        MatrixCopy.Convert(a.View, wide.View);
        GemmDriver.MultiplyByOwnTranspose(1.0, a.View, 0.0, half.View, 2);
        Gemm.Multiply(1.0, wide.View, wide.Transposed, 0.0, full.View);
        AssertClose(full, half, 4 * k * k * Residual.DoubleEpsilon);

        // The public door sees for itself that both operands are one, however they and C lie.
        using Matrix<float> columns = a.Transposed.ToMatrix(), straight = new(n, n), turned = new(n, n);
        Gemm.Multiply(1f, a.View, a.Transposed, 0f, straight.View);
        Gemm.Multiply(1f, columns.Transposed, columns.View, 0f, turned.Transposed);
        AssertClose(Wide(straight), full, 4 * k * Residual.SingleEpsilon * Math.Sqrt(k));
        AssertClose(Wide(turned), full, 4 * k * Residual.SingleEpsilon * Math.Sqrt(k));

        static Matrix<double> Wide(Matrix<float> c)
        {
            var wide = new Matrix<double>(c.Rows, c.Columns);
            MatrixCopy.Convert(c.View, wide.View);
            return wide;
        }
    }

    private static void CheckLayouts<T>(int m, int n, int k)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T alpha = T.CreateTruncating(1.5), beta = T.CreateTruncating(-0.5);
        using Matrix<T> a = TestMatrices.Gaussian<T>(m, k, 1), b = TestMatrices.Gaussian<T>(k, n, 2), c = TestMatrices.Gaussian<T>(m, n, 3);
        using Matrix<T> at = a.Transposed.ToMatrix(), bt = b.Transposed.ToMatrix();
        using Matrix<T> expected = c.Copy();
        GemmReference.Multiply(alpha, a.View, b.View, beta, expected.View, lowerOnly: false, default);

        // Both sides round at most k times; entries of the product are below 12 sqrt(k) at these seeds.
        double bound = 8 * Math.Sqrt(k + 1) * (Math.Sqrt(k) + 8) * Residual.Epsilon<T>();
        foreach (int layout in Enumerable.Range(0, 16))
        {
            MatrixView<T> av = (layout & 1) == 0 ? a.View : at.Transposed;
            MatrixView<T> bv = (layout & 2) == 0 ? b.View : bt.Transposed;
            using Matrix<T> straight = c.Copy(), turned = c.Transposed.ToMatrix();
            using var spread = new Matrix<T>(m, (2 * n) + 1);
            MatrixView<T> cv = (layout & 12) switch
            {
                0 => straight.View,
                4 => turned.Transposed,
                _ => Everysecond(spread),
            };
            c.View.CopyTo(cv);
            GemmDriver.Multiply(alpha, av, bv, beta, cv, (layout & 8) == 0 ? 2 : 1);
            using Matrix<T> actual = cv.ToMatrix();
            AssertClose(expected, actual, bound);
        }
    }

    private static unsafe MatrixView<T> Everysecond<T>(Matrix<T> spread)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new(spread.Pointer, spread.Rows, spread.Columns / 2, spread.Columns, 2, spread);

    private static void AssertClose<T>(Matrix<T> expected, Matrix<T> actual, double bound)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ReadOnlySpan<T> x = expected.RowBlock(0, expected.Rows), y = actual.RowBlock(0, actual.Rows);
        Assert.Equal(x.Length, y.Length);
        double worst = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double distance = Math.Abs(double.CreateTruncating(x[i] - y[i]));
            worst = distance <= worst ? worst : distance;
            if (double.IsNaN(distance)) worst = double.PositiveInfinity;
        }

        Assert.InRange(worst, 0, bound);
    }
}
