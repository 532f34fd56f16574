using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;
using static LowRankTools.Numerics.Tests.HostMatrices;

namespace LowRankTools.Numerics.Tests;

/// <summary>
/// What every engine must keep, as theorems in units of float32 machine epsilon. A concrete class names the engine;
/// the same tests then run for each engine, and for each instruction set in child processes.
/// </summary>
public abstract partial class EngineConformance
{
    protected abstract ITensorEngine Engine { get; }

    public static TheoryData<int> Sizes() =>
        [.. Enumerable.Range(0, 36), 47, 48, 49, 63, 64, 65, 95, 96, 97, 127, 128, 129, 191, 192, 193, 255, 256, 257];

    public static TheoryData<int, int, string> Matrices()
    {
        var data = new TheoryData<int, int, string>();
        (int, int)[] shapes = [(0, 0), (0, 4), (4, 0), (1, 1), (1, 7), (7, 1), (2, 3), (5, 5), (17, 17), (33, 32), (31, 65), (97, 40), (40, 129), (130, 130), (257, 64), (100, 257)];
        foreach ((int m, int n) in shapes)
        {
            foreach (string kind in new[] { "gaussian", "deficient", "zero", "huge", "tiny", "graded" }) data.Add(m, n, kind);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Product_is_within_its_error_bound(int n)
    {
        int m = n, k = (n * 5 % 61) + (n > 200 ? 300 : 0), p = (n * 3 % 67) + 1;
        using ITensor a = Engine.Random(1, m, k), b = Engine.Random(2, k, p), c = Engine.Random(3, m, p);
        double[,] x = Host(a), y = Host(b), z = Host(c);
        Engine.MatMul(2, a, b, -1, c);
        AssertProduct(x, y, z, Host(c));

        // The same through views of the transposes.
        using ITensor at = Engine.Copy(Engine.Transpose(a), ElementType.Float32), bt = Engine.Copy(Engine.Transpose(b), ElementType.Float32), again = Engine.Create(ElementType.Float32, m, p);
        Engine.MatMul(2, Engine.Transpose(at), Engine.Transpose(bt), 0, again);
        AssertProduct(x, y, new double[m, p], Host(again));
    }

    [Theory]
    [MemberData(nameof(Matrices))]
    public void Qr_is_orthonormal_triangular_and_reproduces(int m, int n, string kind)
    {
        using ITensor a = Make(m, n, kind);
        (ITensor q, ITensor r) = Engine.Qr(a);
        using (q)
        using (r)
        {
            double[,] qh = Host(q), rh = Host(r);
            Assert.Equal((m, Math.Min(m, n), n), (qh.GetLength(0), qh.GetLength(1), rh.GetLength(1)));
            AssertOrthonormalColumns(qh);
            for (int i = 0; i < rh.GetLength(0); i++)
            {
                for (int j = 0; j < i; j++) Assert.Equal(0, rh[i, j]);
            }

            AssertSame(Host(a), Multiply(qh, rh), Math.Max(m, n));
        }
    }

    [Theory]
    [MemberData(nameof(Matrices))]
    public void Svd_is_orthonormal_descending_and_reproduces(int m, int n, string kind)
    {
        using ITensor a = Make(m, n, kind);
        (ITensor u, double[] s, ITensor vt) = Engine.Svd(a);
        using (u)
        using (vt)
        {
            double[,] uh = Host(u), vh = Host(vt);
            Assert.Equal(Math.Min(m, n), s.Length);
            AssertOrthonormalColumns(uh);
            AssertOrthonormalColumns(Transposed(vh));
            Assert.Equal(s.OrderDescending(), s);
            Assert.All(s, value => Assert.True(value >= 0));
            for (int i = 0; i < uh.GetLength(0); i++)
            {
                for (int k = 0; k < s.Length; k++) uh[i, k] *= s[k];
            }

            AssertSame(Host(a), Multiply(uh, vh), Math.Max(m, n));
        }
    }

    [Theory]
    [MemberData(nameof(Matrices))]
    public void Truncated_svd_is_the_best_approximation(int m, int n, string kind)
    {
        int rank = Math.Max(1, Math.Min(m, n) / 5);
        if (rank > Math.Min(m, n)) return;
        using ITensor a = Make(m, n, kind);
        (ITensor u, double[] s, ITensor vt) = Engine.Svd(a);
        u.Dispose();
        vt.Dispose();

        // Eckart and Young: the error of the best rank k is the tail of the singular values.
        double norm = Math.Sqrt(s.Sum(x => x * x)), tail = Math.Sqrt(s.Skip(rank).Sum(x => x * x));
        using TruncatedSvdResult svd = TruncatedSvd.Compute(Engine, a, new RankTarget.Rank(rank), new SvdOptions { DenseThreshold = 16 });
        Assert.Equal(rank, svd.Rank);
        double relative = norm == 0 ? 0 : tail / norm;
        Assert.InRange(svd.RelativeError, (relative * (1 - 1e-4)) - (Units * Residual.SingleEpsilon), (relative * 1.005) + (Units * Residual.SingleEpsilon));
        using Matrix<float> host = Engine.ToMatrix(a);
        double explicitError = norm == 0 ? 0 : Residual.Distance(host.View, svd) / norm;
        Assert.InRange(Math.Abs(explicitError - svd.RelativeError), 0, (1e-3 * relative) + (Units * Residual.SingleEpsilon));
        Assert.InRange(Residual.Orthogonality(svd.U.View), 0, Units);
        Assert.InRange(Residual.Orthogonality(svd.Vt.Transposed), 0, Units);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Cholesky_and_symmetric_eigen_reproduce_a_Gram_matrix(int n)
    {
        using ITensor x = Engine.Random(4, n, n + 10), a = Engine.Gram(x), l = Engine.Cholesky(a);
        double[,] ah = Host(a), lh = Host(l);
        AssertSame(ah, Multiply(lh, Transposed(lh)), n);
        (double[] values, ITensor vectors) = Engine.SymmetricEigen(a);
        using (vectors)
        {
            double[,] v = Host(vectors), scaled = Host(vectors);
            AssertOrthonormalColumns(Transposed(v));
            for (int i = 0; i < n; i++)
            {
                for (int j = 0; j < n; j++) scaled[i, j] *= values[i];
            }

            AssertSame(ah, Multiply(Transposed(v), scaled), n);
            Assert.Equal(values.OrderDescending(), values);
        }

        (double[] _, ITensor few) = Engine.SymmetricEigen(a, all => all.Length / 2);
        using (few) Assert.Equal([n / 2, n], few.Shape);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Solve_leaves_a_residual_orthogonal_to_the_columns(int n)
    {
        using ITensor a = Engine.Random(5, n + 7, n), b = Engine.Random(6, n + 7, 3), x = Engine.Solve(a, b);
        double[,] ah = Host(a), left = Multiply(ah, Host(x)), bh = Host(b);
        for (int i = 0; i < left.GetLength(0); i++)
        {
            for (int j = 0; j < 3; j++) left[i, j] -= bh[i, j];
        }

        double worst = Multiply(Transposed(ah), left).Cast<double>().Select(Math.Abs).DefaultIfEmpty(0).Max();
        Assert.InRange(worst, 0, Units * (n + 10) * (Norm(ah) + 1) * Residual.SingleEpsilon);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    public void Factorizations_refuse_what_is_not_finite(double bad)
    {
        float[] values = new float[25];
        values[13] = (float)bad;
        using ITensor a = Engine.From(values, 5, 5), b = Engine.Create(ElementType.Float32, 5, 1);
        Action[] factorizations =
        [
            () => Engine.Qr(a), () => Engine.Svd(a), () => Engine.Cholesky(a), () => Engine.SymmetricEigen(a), () => Engine.Solve(a, b),
            () => Engine.OrthonormalizeRows(a), () => TruncatedSvd.Compute(Engine, a, new RankTarget.Rank(2)),
        ];
        Assert.All(factorizations, run => Assert.Equal("NonFiniteValues", Assert.Throws<LowRankToolsException>(run).ErrorId));
    }

    [Fact]
    public void Impossible_requests_are_named()
    {
        using ITensor a = Engine.Create(ElementType.Float32, 3, 4), zero = Engine.Create(ElementType.Float32, 3, 3), b = Engine.Create(ElementType.Float32, 3, 1);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Engine.MatMul(1, a, a, 0, zero)).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Engine.AddScaled(1, a, 1, zero)).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Engine.Reshape(a, 5, 5)).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Engine.Permute(a, 0, 0)).ErrorId);
        Assert.Equal("NotPositiveDefinite", Assert.Throws<LowRankToolsException>(() => Engine.Cholesky(zero)).ErrorId);
        Assert.Equal("SingularMatrix", Assert.Throws<LowRankToolsException>(() => Engine.Solve(zero, b)).ErrorId);
        Assert.Equal("RankExceedsLayer", Assert.Throws<LowRankToolsException>(() => TruncatedSvd.Compute(Engine, a, new RankTarget.Rank(4))).ErrorId);
    }

    [Fact]
    public void Rearranging_moves_entries_and_nothing_else()
    {
        float[] values = [.. Enumerable.Range(0, 24).Select(i => (float)i)];
        using ITensor x = Engine.From(values, 2, 3, 4), turned = Engine.Permute(x, 2, 0, 1), flat = Engine.Reshape(turned, 8, 3), back = Engine.Permute(turned, 1, 2, 0);
        Assert.Equal([4, 2, 3], turned.Shape);
        double[] t = Engine.ToArray(turned);
        for (int i = 0; i < 24; i++) Assert.Equal(i, t[((i % 4) * 6) + ((i / 12) * 3) + (i / 4 % 3)]);
        Assert.Equal(t, Engine.ToArray(flat));
        Assert.Equal(Engine.ToArray(x), Engine.ToArray(back));
        Assert.Equal(Engine.ToArray(x).Skip(12), Engine.ToArray(Engine.Slice(x, 1, 1)));
    }

    [Fact]
    public void Sums_and_elementwise_operations_are_what_they_say()
    {
        using ITensor x = Engine.From([1, 2, 3, 4, 5, 6], 2, 3), y = Engine.From([6, 5, 4, 3, 2, 1], 2, 3);
        Assert.Equal([7, 7, 7, 7, 7, 7], Values(Engine.Combine(ElementOperation.Add, x, y)));
        Assert.Equal([-5, -3, -1, 1, 3, 5], Values(Engine.Combine(ElementOperation.Subtract, x, y)));
        Assert.Equal([6, 10, 12, 12, 10, 6], Values(Engine.Combine(ElementOperation.Multiply, x, y)));
        Assert.Equal([6, 5, 4, 4, 5, 6], Values(Engine.Combine(ElementOperation.Maximum, x, y)));
        Assert.Equal(0.75, Values(Engine.Combine(ElementOperation.Divide, x, y))[2]);
        Assert.Equal([5, 7, 9], Values(Engine.Sum(x, 0)));
        Assert.Equal([6, 15], Values(Engine.Sum(x, 1)));
        Assert.Equal(91, Engine.SumOfSquares(x));
        Engine.AddScaled(2, x, -1, y);
        Assert.Equal([-4, -1, 2, 5, 8, 11], Engine.ToArray(y));
    }

    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float64)]
    public void Rows_are_measured_and_scaled_each_by_its_own_factor(ElementType type)
    {
        using ITensor single = Engine.From([1, 2, 3, 4, 5, 6], 2, 3), x = Engine.Copy(single, type);
        Assert.Equal([14, 77], Engine.SquaredRowNorms(x));
        Assert.Equal([17, 29, 45], Engine.SquaredRowNorms(Engine.Transpose(x)));
        Engine.ScaleRows([2, -1], x);
        Assert.Equal([2, 4, 6, -4, -5, -6], Engine.ToArray(x));
        Engine.ScaleRows([1, 0.5, 0], Engine.Transpose(x));
        Assert.Equal([2, 2, 0, -4, -2.5, 0], Engine.ToArray(x));
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Engine.ScaleRows([1], x)).ErrorId);
    }

    [Fact]
    public void A_float64_matrix_is_loaded_to_the_last_bit_whatever_its_strides()
    {
        using var matrix = Matrix<double>.From(3, 4, [.. Enumerable.Range(1, 12).Select(i => 1.0 / i)]);
        foreach (MatrixView<double> view in new[] { matrix.View, matrix.Transposed, matrix.View.Slice(1, 1, 2, 2), matrix.Transposed.Slice(1, 1, 2, 2) })
        {
            using ITensor loaded = Engine.Load(view);
            using Matrix<double> expected = view.ToMatrix();
            Assert.Equal((ElementType.Float64, view.Rows, view.Columns), (loaded.ElementType, loaded.Shape[0], loaded.Shape[1]));
            Assert.Equal(expected.ToArray(), Engine.ToArray(loaded));
        }
    }

    [Fact]
    public void Random_numbers_repeat_with_their_seed()
    {
        using ITensor x = Engine.Random(1, 50, 40), again = Engine.Random(1, 50, 40), other = Engine.Random(2, 50, 40);
        Assert.Equal(Engine.ToArray(x), Engine.ToArray(again));
        Assert.NotEqual(Engine.ToArray(x), Engine.ToArray(other));
        Assert.InRange(Engine.SumOfSquares(x) / 2000, 0.85, 1.15);
    }

    private double[] Values(ITensor x)
    {
        using (x) return Engine.ToArray(x);
    }

    private ITensor Make(int m, int n, string kind)
    {
        ITensor a = Engine.Random(7, m, n);
        if (kind == "gaussian") return a;
        using (a)
        {
            using Matrix<float> host = Engine.ToMatrix(a);
            for (int i = 0; i < m; i++)
            {
                for (int j = 0; j < n; j++)
                {
                    host[i, j] = kind switch
                    {
                        "deficient" => host[0, j] * (i % 3),
                        "zero" => 0,
                        "huge" => host[i, j] * 1e30f,
                        "tiny" => host[i, j] * 1e-30f,
                        _ => host[i, j] * MathF.Pow(2, -0.2f * (i + j)),
                    };
                }
            }

            return Engine.From(host.ToArray(), m, n);
        }
    }

    private double[,] Host(ITensor x)
    {
        double[] values = Engine.ToArray(x);
        var matrix = new double[x.Shape[0], x.Shape[1]];
        Buffer.BlockCopy(values, 0, matrix, 0, values.Length * sizeof(double));
        return matrix;
    }
}
