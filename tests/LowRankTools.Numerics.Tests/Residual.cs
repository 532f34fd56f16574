using System.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Numerics.Tests;

/// <summary>Residuals in units of machine epsilon, the measure LAPACK's own tests use.</summary>
internal static class Residual
{
    public const double SingleEpsilon = 1.1920929e-7;
    public const double DoubleEpsilon = 2.220446049250313e-16;

    /// <summary>max |Q^T Q - I| / (n eps) over the columns of Q.</summary>
    public static double Orthogonality<T>(MatrixView<T> q)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        double worst = 0;
        for (int j = 0; j < q.Columns; j++)
        {
            for (int k = 0; k <= j; k++)
            {
                double dot = 0;
                for (int i = 0; i < q.Rows; i++) dot += double.CreateTruncating(q[i, j]) * double.CreateTruncating(q[i, k]);
                worst = Math.Max(worst, Math.Abs(dot - (j == k ? 1 : 0)));
            }
        }

        return worst / (Math.Max(1, q.Rows) * Epsilon<T>());
    }

    /// <summary>||A - U S Vt||_F in float64.</summary>
    public static double Distance(MatrixView<float> a, TruncatedSvdResult svd)
    {
        double sum = 0;
        for (int i = 0; i < a.Rows; i++)
        {
            double[] row = new double[a.Columns];
            for (int k = 0; k < svd.Rank; k++)
            {
                double factor = svd.U[i, k] * svd.SingularValues[k];
                for (int j = 0; j < a.Columns; j++) row[j] += factor * svd.Vt[k, j];
            }

            for (int j = 0; j < a.Columns; j++) sum += (a[i, j] - row[j]) * (a[i, j] - row[j]);
        }

        return Math.Sqrt(sum);
    }

    public static double Epsilon<T>() => typeof(T) == typeof(float) ? SingleEpsilon : DoubleEpsilon;
}
