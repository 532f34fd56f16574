using System.Numerics;
using LowRankTools.Numerics.Factorizations.Eigen;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Tests;

public sealed class SymmetricEigenTests
{
    public static TheoryData<int, string> Cases()
    {
        var data = new TheoryData<int, string>();
        foreach (int n in new[] { 0, 1, 2, 3, 5, 31, 32, 33, 34, 63, 65, 66, 100, 129, 200, 257, 450, 600 })
        {
            foreach (string kind in new[] { "gaussian", "graded", "identity", "zero", "rank3", "clustered", "tridiagonal", "huge", "tiny", "blocks" }) data.Add(n, kind);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Vectors_are_orthonormal_and_satisfy_the_eigenvalue_equation(int n, string kind)
    {
        using Matrix<double> a = Make<double>(n, kind);
        double[] values = AssertDecomposed(a, n);
        double[] only = SymmetricEigen.Values(a.Copy(), 2, default);
        double norm = Math.Max(values.Select(Math.Abs).DefaultIfEmpty(0).Max(), double.Epsilon);
        for (int i = 0; i < n; i++) Assert.InRange(Math.Abs(only[i] - values[i]), 0, 20 * (n + 10) * norm * Residual.DoubleEpsilon);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void So_they_do_in_float32(int n, string kind)
    {
        using Matrix<float> a = Make<float>(n, kind);
        AssertDecomposed(a, n);
    }

    [Theory]
    [InlineData(40, 1)]
    [InlineData(100, 7)]
    [InlineData(300, 299)]
    [InlineData(300, 0)]
    public void Wanted_vectors_are_the_leading_ones(int n, int wanted)
    {
        using Matrix<double> a = Make<double>(n, "gaussian");
        using Matrix<float> single = Make<float>(n, "gaussian");
        AssertDecomposed(a, wanted);
        AssertDecomposed(single, wanted);
    }

    [Fact]
    public void The_bits_do_not_depend_on_the_number_of_threads()
    {
        AssertSameBits<double>();
        AssertSameBits<float>();
    }

    private static void AssertSameBits<T>()
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using Matrix<T> a = Make<T>(700, "gaussian");
        (double[] Values, Matrix<T> Vectors)[] results = [.. new[] { 1, 2, 3 }.Select(threads => SymmetricEigen.Compute(a.Copy(), 700, threads, default))];
        Assert.All(results, result => Assert.Equal(results[0].Values, result.Values));
        Assert.All(results, result => Assert.Equal(results[0].Vectors.ToArray(), result.Vectors.ToArray()));
    }

    private static double[] AssertDecomposed<T>(Matrix<T> a, int wanted)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        (double[] values, Matrix<T> vectors) = SymmetricEigen.Compute(a.Copy(), wanted, 2, default);
        using Matrix<T> owned = vectors;
        Assert.Equal((wanted, a.Rows, a.Rows), (vectors.Rows, vectors.Columns, values.Length));
        Assert.Equal(values.OrderDescending(), values);

        // Sums in float64, so that what is seen is the decomposition's own error.
        using Matrix<double> wideVectors = Wide(vectors), wide = Wide(a);
        AssertOrthonormalRows(wideVectors, Residual.Epsilon<T>());
        AssertEquation(wide, values, wideVectors, Residual.Epsilon<T>());
        return values;
    }

    private static Matrix<double> Wide<T>(Matrix<T> a)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var wide = new Matrix<double>(a.Rows, a.Columns);
        MatrixCopy.Convert(a.View, wide.View);
        return wide;
    }

    private static Matrix<T> Make<T>(int n, string kind)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        double huge = typeof(T) == typeof(float) ? 1e30 : 1e200;
        using Matrix<double> g = TestMatrices.Gaussian<double>(n, kind == "rank3" ? 3 : Math.Max(n, 1), 5);
        var a = new Matrix<T>(n, n);
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double value = kind switch
                {
                    "gaussian" => g[i, j],
                    "graded" => g[i, j] * Math.Pow(2, -(i + j) / 4.0),
                    "identity" => i == j ? 1 : 0,
                    "rank3" => (g[i, 0] * g[j, 0]) + (g[i, 1] * g[j, 1]) - (g[i, 2] * g[j, 2]),
                    "clustered" => (i == j ? i % 3 : 0) + (1e-12 * g[i, j]),
                    "tridiagonal" => i == j ? 2 : i == j + 1 ? -1 : 0,
                    "huge" => g[i, j] * huge,
                    "tiny" => g[i, j] / huge,
                    "blocks" => i / 40 == j / 40 ? g[i % 40, j % 40] : 0,
                    _ => 0,
                };
                a[i, j] = a[j, i] = T.CreateTruncating(value);
            }
        }

        return a;
    }

    private static void AssertOrthonormalRows(Matrix<double> vectors, double epsilon)
    {
        using var gram = new Matrix<double>(vectors.Rows, vectors.Rows);
        Gemm.Multiply(1.0, vectors.View, vectors.Transposed, 0.0, gram.View);
        double worst = 0;
        for (int i = 0; i < gram.Rows; i++)
        {
            for (int j = 0; j < gram.Rows; j++) worst = Math.Max(worst, Math.Abs(gram[i, j] - (i == j ? 1 : 0)));
        }

        Assert.InRange(worst / (epsilon * (vectors.Columns + 10)), 0, 20);
    }

    private static void AssertEquation(Matrix<double> a, double[] values, Matrix<double> vectors, double epsilon)
    {
        using var image = new Matrix<double>(vectors.Rows, vectors.Columns);
        Gemm.Multiply(1.0, vectors.View, a.View, 0.0, image.View);
        double norm = Math.Max(values.Select(Math.Abs).DefaultIfEmpty(0).Max(), 1e-300), worst = 0;
        for (int i = 0; i < image.Rows; i++)
        {
            for (int j = 0; j < image.Columns; j++) worst = Math.Max(worst, Math.Abs((image[i, j] / norm) - (values[i] / norm * vectors[i, j])));
        }

        Assert.InRange(worst / (epsilon * (a.Rows + 10)), 0, 20);
    }
}
