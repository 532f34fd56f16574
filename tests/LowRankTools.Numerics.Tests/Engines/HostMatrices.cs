namespace LowRankTools.Numerics.Tests;

/// <summary>Small dense matrices in float64 on the host: the plain loops that engines are measured against.</summary>
internal static class HostMatrices
{
    /// <summary>LAPACK's own tests accept residuals up to 30 to 50 units of machine epsilon.</summary>
    public const double Units = 50;

    public static double[,] Multiply(double[,] x, double[,] y)
    {
        int m = x.GetLength(0), k = x.GetLength(1), n = y.GetLength(1);
        var z = new double[m, n];
        for (int i = 0; i < m; i++)
        {
            for (int p = 0; p < k; p++)
            {
                double factor = x[i, p];
                for (int j = 0; j < n; j++) z[i, j] += factor * y[p, j];
            }
        }

        return z;
    }

    public static double[,] Transposed(double[,] x)
    {
        var y = new double[x.GetLength(1), x.GetLength(0)];
        for (int i = 0; i < x.GetLength(0); i++)
        {
            for (int j = 0; j < x.GetLength(1); j++) y[j, i] = x[i, j];
        }

        return y;
    }

    public static double Norm(double[,] x) => Math.Sqrt(x.Cast<double>().Sum(value => value * value));

    public static void AssertProduct(double[,] a, double[,] b, double[,] c, double[,] actual)
    {
        double[,] expected = Multiply(a, b);
        for (int i = 0; i < expected.GetLength(0); i++)
        {
            for (int j = 0; j < expected.GetLength(1); j++) expected[i, j] = (2 * expected[i, j]) - c[i, j];
        }

        int k = a.GetLength(1);
        double bound = 4 * (k + 4) * Residual.SingleEpsilon * Math.Sqrt(k + 1) * 4, worst = 0;
        for (int i = 0; i < expected.GetLength(0); i++)
        {
            for (int j = 0; j < expected.GetLength(1); j++) worst = Math.Max(worst, Math.Abs(expected[i, j] - actual[i, j]));
        }

        Assert.InRange(worst, 0, bound);
    }

    // ||X - Y||_F in units of ||X||_F eps n.
    public static void AssertSame(double[,] x, double[,] y, int n)
    {
        double norm = Norm(x), distance = 0;
        for (int i = 0; i < x.GetLength(0); i++)
        {
            for (int j = 0; j < x.GetLength(1); j++) distance += (x[i, j] - y[i, j]) * (x[i, j] - y[i, j]);
        }

        Assert.InRange(Math.Sqrt(distance), 0, Units * Math.Max(n, 1) * norm * Residual.SingleEpsilon);
    }

    public static void AssertOrthonormalColumns(double[,] q)
    {
        double[,] gram = Multiply(Transposed(q), q);
        double worst = 0;
        for (int i = 0; i < gram.GetLength(0); i++)
        {
            for (int j = 0; j < gram.GetLength(1); j++) worst = Math.Max(worst, Math.Abs(gram[i, j] - (i == j ? 1 : 0)));
        }

        Assert.InRange(worst, 0, Units * Math.Max(q.GetLength(0), 1) * Residual.SingleEpsilon);
    }
}
