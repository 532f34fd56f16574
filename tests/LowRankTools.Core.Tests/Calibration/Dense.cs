using LowRankTools.Core.Calibration;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Calibration;

/// <summary>Small float64 matrices in plain loops: what the calibrated algorithms are measured against.</summary>
internal static class Dense
{
    public static ITensorEngine Engine { get; } = new EmbeddedEngine();

    /// <summary>Seeded normal entries.</summary>
    public static double[,] Random(int seed, int rows, int columns)
    {
        double[] values = new double[rows * columns];
        new DeterministicRandom((ulong)seed).FillGaussian<double>(values);
        double[,] matrix = new double[rows, columns];
        Buffer.BlockCopy(values, 0, matrix, 0, values.Length * sizeof(double));
        return matrix;
    }

    /// <summary>Inputs as columns, (features x tokens): correlated, and of very different strengths.</summary>
    public static double[,] Inputs(int seed, int features, int tokens)
    {
        double[,] x = Multiply(Random(seed, features, features), Random(seed + 1, features, tokens));
        for (int i = 0; i < features; i++)
        {
            for (int t = 0; t < tokens; t++)
                x[i, t] *= Math.Pow(10, -2.0 * i / features);
        }
        return x;
    }

    public static double[,] Multiply(double[,] a, double[,] b)
    {
        int m = a.GetLength(0), k = a.GetLength(1), n = b.GetLength(1);
        double[,] c = new double[m, n];
        for (int i = 0; i < m; i++)
        {
            for (int l = 0; l < k; l++)
            {
                for (int j = 0; j < n; j++)
                    c[i, j] += a[i, l] * b[l, j];
            }
        }
        return c;
    }

    public static double[,] Transpose(double[,] a)
    {
        double[,] t = new double[a.GetLength(1), a.GetLength(0)];
        for (int i = 0; i < a.GetLength(0); i++)
        {
            for (int j = 0; j < a.GetLength(1); j++)
                t[j, i] = a[i, j];
        }
        return t;
    }

    /// <summary>a + factor b.</summary>
    public static double[,] Add(double[,] a, double[,] b, double factor = 1)
    {
        double[,] c = (double[,])a.Clone();
        for (int i = 0; i < a.GetLength(0); i++)
        {
            for (int j = 0; j < a.GetLength(1); j++)
                c[i, j] += factor * b[i, j];
        }
        return c;
    }

    public static double SquaredNorm(double[,] a) => a.Cast<double>().Sum(v => v * v);

    /// <summary>||(W - W') X||^2.</summary>
    public static double Loss(double[,] w, double[,] approximate, double[,] x) => SquaredNorm(Multiply(Add(w, approximate, -1), x));

    /// <summary>X X^T.</summary>
    public static Gram Gram(double[,] x) => LowRankTools.Core.Calibration.Gram.Of(Host(Multiply(x, Transpose(x))));

    public static Matrix<double> Host(double[,] a) => Matrix<double>.From(a.GetLength(0), a.GetLength(1), a.Cast<double>().ToArray());

    public static double[,] Of(Matrix<double> a)
    {
        double[,] matrix = new double[a.Rows, a.Columns];
        for (int i = 0; i < a.Rows; i++)
        {
            for (int j = 0; j < a.Columns; j++)
                matrix[i, j] = a[i, j];
        }
        return matrix;
    }

    public static double[,] Product(WeightedPair pair) => Multiply(Of(pair.Left), Of(pair.Right));

    public static (double[,] Approximation, double[] Values) Solve(double[,] w, Gram? left, Gram? right, int rank)
    {
        using Matrix<double> weight = Host(w);
        using WeightedProblem problem = new(Engine, weight, left, right);
        using WeightedPair pair = problem.Solve(rank, SvdOptions.Default, default);
        return (Product(pair), problem.Values(default));
    }

    /// <summary>Asserts |actual - expected| is at most a share of scale.</summary>
    public static void Near(double expected, double actual, double scale, double share = 1e-9) =>
        Assert.InRange(Math.Abs(actual - expected), 0, share * scale);
}
