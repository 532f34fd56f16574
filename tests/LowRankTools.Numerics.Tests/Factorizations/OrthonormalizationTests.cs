using LowRankTools.Numerics.Factorizations;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Tests;

public sealed class OrthonormalizationTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 50)]
    [InlineData(31, 31)]
    [InlineData(33, 40)]
    [InlineData(64, 257)]
    [InlineData(150, 150)]
    public void Householder_gives_orthonormal_rows_that_reproduce_the_input(int count, int length)
    {
        using Matrix<double> x = TestMatrices.Gaussian<double>(count, length, 1), q = x.Copy(), r = new(count, count), again = new(count, length);
        HouseholderQr.OrthonormalizeRows(q.View, r, 2, default);
        Assert.InRange(Residual.Orthogonality(q.Transposed), 0, 50);
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < i; j++) Assert.Equal(0, r[i, j]);
        }

        Gemm.Multiply(1, r.Transposed, q.View, 0, again.View);
        double worst = x.ToArray().Zip(again.ToArray(), (p, s) => Math.Abs(p - s)).Max();
        Assert.InRange(worst / (length * Residual.DoubleEpsilon), 0, 50);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5)]
    public void Any_rank_gives_orthonormal_rows(int rank)
    {
        using Matrix<float> x = rank == 0 ? new Matrix<float>(40, 200) : TestMatrices.WithSingularValues(40, 200, TestMatrices.PowerLaw(rank, 1), 3);
        using Matrix<float> single = x.Copy();
        RowOrthonormalizer.Orthonormalize(x.View, 2, default);
        HouseholderQr.OrthonormalizeRows(single.View, null, 2, default);
        Assert.InRange(Residual.Orthogonality(x.Transposed), 0, 20);
        Assert.InRange(Residual.Orthogonality(single.Transposed), 0, 20);
    }

    // Distance 1e-6 needs a first order correction only, 1e-3 a factorization; lengths differ by a million.
    [Theory]
    [InlineData(300, 1e-6, false)]
    [InlineData(300, 1e-6, true)]
    [InlineData(300, 1e-3, false)]
    [InlineData(300, 1e-3, true)]
    [InlineData(20, 1e-6, false)]
    public void Rows_that_are_nearly_orthonormal_become_so_and_keep_their_direction(int count, double distance, bool byColumns)
    {
        using Matrix<float> frame = TestMatrices.Gaussian<float>(count, 400, 8), noise = TestMatrices.Gaussian<float>(count, 400, 9);
        HouseholderQr.OrthonormalizeRows(frame.View, null, 2, default);
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < 400; j++) frame[i, j] = (float)((frame[i, j] + (distance / 20 * noise[i, j])) * Math.Pow(10, (i % 7) - 3));
        }

        using Matrix<float> turned = frame.Transposed.ToMatrix(), given = frame.Copy();
        MatrixView<float> x = byColumns ? turned.Transposed : frame.View;
        RowOrthonormalizer.Orthonormalize(x, 2, default);
        using Matrix<float> q = x.ToMatrix(), l = new(count, count);
        Assert.InRange(Residual.Orthogonality(q.Transposed), 0, 5);

        // X = L Q with L lower triangular and a positive diagonal.
        Gemm.Multiply(1, given.View, q.Transposed, 0, l.View);
        for (int i = 0; i < count; i++)
        {
            Assert.True(l[i, i] > 0);
            for (int j = i + 1; j < count; j++) Assert.InRange(Math.Abs(l[i, j]) / l[i, i], 0, 20 * Residual.SingleEpsilon);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1e-3)]
    [InlineData(1e-6)]
    [InlineData(1e-9)]
    public void Cholesky_QR_is_orthonormal_and_keeps_the_span_whatever_the_condition(double smallest)
    {
        double[] values = [.. Enumerable.Range(0, 50).Select(i => Math.Pow(smallest, i / 49.0))];
        using Matrix<float> x = TestMatrices.WithSingularValues(50, 400, values, 4), q = x.Copy();
        RowOrthonormalizer.Orthonormalize(q.View, 2, default);
        Assert.InRange(Residual.Orthogonality(q.Transposed), 0, 20);

        // X - (X Q^T) Q vanishes when the rows of Q span those of X.
        using Matrix<float> along = new(50, 50);
        Gemm.Multiply(1, x.View, q.Transposed, 0, along.View);
        Gemm.Multiply(-1, along.View, q.View, 1, x.View);
        Assert.InRange(Math.Sqrt(Norms.FrobeniusSquared(x.View)), 0, 100 * Residual.SingleEpsilon);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(129)]
    [InlineData(257)]
    public void Cholesky_factor_and_inverse_are_what_they_say(int n)
    {
        using Matrix<double> x = TestMatrices.Gaussian<double>(n, n + 20, 2), a = new(n, n);
        GemmDriver.MultiplyByOwnTranspose(1.0, x.View, 0.0, a.View, 2);
        using Matrix<double> l = a.Copy();
        Assert.True(Cholesky.TryFactor(l.View, 2, default));
        for (int i = 0; i < n; i++)
        {
            for (int j = i + 1; j < n; j++) l[i, j] = 0;
        }

        using Matrix<double> product = new(n, n), inverse = Triangular.Invert(l.View, 2, default), identity = new(n, n);
        Gemm.Multiply(1, l.View, l.Transposed, 0, product.View);
        Gemm.Multiply(1, l.View, inverse.View, 0, identity.View);
        double norm = Math.Sqrt(a.ToArray().Sum(value => value * value));
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                Assert.InRange(Math.Abs(product[i, j] - a[i, j]), 0, 10 * n * norm * Residual.DoubleEpsilon);
                Assert.InRange(Math.Abs(identity[i, j] - (i == j ? 1 : 0)), 0, 1e-10);
            }
        }
    }

    [Fact]
    public void An_indefinite_matrix_is_refused()
    {
        using Matrix<double> a = Matrix<double>.From(2, 2, [1, 2, 2, 1]), zero = new(3, 3);
        Assert.False(Cholesky.TryFactor(a.View, 1, default));
        Assert.False(Cholesky.TryFactor(zero.View, 1, default));
    }
}
