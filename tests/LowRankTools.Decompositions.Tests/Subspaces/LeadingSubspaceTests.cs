using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

public sealed class LeadingSubspaceTests
{
    [Theory]
    [InlineData(30, 50)]
    [InlineData(50, 30)]
    [InlineData(1, 9)]
    [InlineData(9, 1)]
    public void A_geometric_spectrum_is_cut_where_its_tail_falls_below_the_limit_down_to_1e_12(int rows, int columns)
    {
        // Singular values 1, 0.3, 0.09, ...: the tails are known.
        int smaller = Math.Min(rows, columns);
        using Matrix<double> a = WithSpectrum(rows, columns, k => Math.Pow(0.3, k));
        foreach (double eps in new[] { 0.1, 1e-3, 1e-6, 1e-9, 1e-12 })
        {
            int needed = Enumerable.Range(1, smaller).First(r => r == smaller || Tail(r, smaller) <= eps);
            using LeadingSubspace found = LeadingSubspace.Of(a.View, eps * eps * Norm(a), int.MaxValue, ComputeOptions.Default, default);
            Assert.InRange(found.Basis.Rows, needed - 1, needed + 1);
            Assert.InRange(Math.Sqrt(Residual(a, found) / Norm(a)), 0, eps * (1 + 1e-3));
            Assert.InRange(Orthogonality(found.Basis), 0, 1e-13);
        }

        double Tail(int from, int to) => Math.Sqrt(Enumerable.Range(from, to - from).Sum(k => Math.Pow(0.09, k)) * (1 - 0.09));
    }

    [Fact]
    public void The_error_of_a_given_rank_is_the_tail_of_the_spectrum()
    {
        using Matrix<double> a = WithSpectrum(20, 40, k => 1.0 / (k + 1));
        using LeadingSubspace found = LeadingSubspace.Of(a.View, null, 6, ComputeOptions.Default, default);
        Assert.Equal(6, found.Basis.Rows);
        double tail = Enumerable.Range(7, 14).Sum(k => 1.0 / ((double)k * k));
        Assert.InRange(found.SquaredError, tail * (1 - 1e-10), tail * (1 + 1e-10));
        Assert.InRange(Residual(a, found), tail * (1 - 1e-10), tail * (1 + 1e-10));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(9)]
    public void Errors_of_all_ranks_are_tails_of_the_spectrum(int most)
    {
        using Matrix<double> a = WithSpectrum(6, 8, k => Math.Pow(0.5, k));
        double[] errors = LeadingSubspace.Errors(a.View, most, ComputeOptions.Default, default);
        double norm = Enumerable.Range(0, 6).Sum(k => Math.Pow(0.25, k));
        Assert.Equal(most, errors.Length);
        for (int rank = 1; rank <= most; rank++)
            Assert.Equal(Math.Sqrt(Enumerable.Range(0, 6).Skip(rank).Sum(k => Math.Pow(0.25, k)) / norm), errors[rank - 1], 1e-12);
        using Matrix<double> zeros = new(4, 6);
        Assert.All(LeadingSubspace.Errors(zeros.View, 4, ComputeOptions.Default, default), e => Assert.Equal(0, e));
    }

    [Fact]
    public void A_matrix_of_zeros_keeps_one_vector_and_loses_nothing()
    {
        using Matrix<double> a = new(4, 6);
        using LeadingSubspace found = LeadingSubspace.Of(a.View, 0, int.MaxValue, ComputeOptions.Default, default);
        Assert.Equal((1, 0.0), (found.Basis.Rows, found.SquaredError));
    }

    private static Matrix<double> WithSpectrum(int rows, int columns, Func<int, double> sigma)
    {
        int count = Math.Min(rows, columns);
        using Matrix<double> u = Orthonormal(11, rows, count), v = Orthonormal(12, columns, count);
        for (int k = 0; k < count; k++)
        {
            for (int i = 0; i < rows; i++)
                u[i, k] *= sigma(k);
        }
        Matrix<double> a = new(rows, columns);
        Gemm.Multiply(1, u.View, v.Transposed, 0, a.View);
        return a;
    }

    private static Matrix<double> Orthonormal(ulong seed, int rows, int columns)
    {
        using Matrix<double> random = TestTensors.GaussianMatrix(seed, rows, columns);
        (Matrix<double> qt, Matrix<double> r) = SmallFactorizations.Qr(new EmbeddedEngine(), random.View, default);
        r.Dispose();
        using (qt)
            return qt.Transposed.ToMatrix();
    }

    private static double Norm(Matrix<double> a) => a.ToArray().Sum(x => x * x);

    private static double Residual(Matrix<double> a, LeadingSubspace found)
    {
        using Matrix<double> left = a.Copy();
        Gemm.Multiply(-1, found.Basis.Transposed, found.Coordinates.View, 1, left.View);
        return Norm(left);
    }

    private static double Orthogonality(Matrix<double> rows)
    {
        using Matrix<double> gram = new(rows.Rows, rows.Rows);
        Gemm.MultiplyByOwnTranspose(1, rows.View, 0, gram.View);
        double worst = 0;
        for (int i = 0; i < rows.Rows; i++)
        {
            for (int j = 0; j < rows.Rows; j++)
                worst = Math.Max(worst, Math.Abs(gram[i, j] - (i == j ? 1 : 0)));
        }
        return worst;
    }
}
