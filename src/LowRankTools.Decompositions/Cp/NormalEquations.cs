using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Cp;

/// <summary>Solves A V = M for symmetric V without negative eigenvalues, the Gram matrix of a Khatri-Rao product (R x R): by Cholesky, or by the pseudo-inverse where columns nearly depend on one another.</summary>
internal static class NormalEquations
{
    // A pivot of the matrix with a diagonal of ones below this leaves few digits.
    private const double LeastPivot = 1e-10;

    // Eigenvalues below this share of the largest, times the size, are rounding.
    private const double LeastEigenvalue = 1e-14;

    /// <summary>The solution of least norm in place of M's rows.</summary>
    /// <param name="m">M, I x R.</param>
    /// <param name="v">V, R x R; destroyed.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public static Matrix<double> Solve(Matrix<double> m, Matrix<double> v, ComputeOptions options, CancellationToken ct)
    {
        // D V D with ones on the diagonal: the factors' lengths are no reason for a bad condition.
        double[] scale = new double[v.Rows];
        for (int i = 0; i < v.Rows; i++)
            scale[i] = v[i, i] > 0 ? 1 / Math.Sqrt(v[i, i]) : 0;
        for (int i = 0; i < v.Rows; i++)
        {
            for (int j = 0; j < v.Rows; j++)
                v.Row(i)[j] *= scale[i] * scale[j];
        }
        using Matrix<double> inverse = TryInvert(v) ?? PseudoInvert(v, options, ct);
        for (int i = 0; i < v.Rows; i++)
        {
            for (int j = 0; j < v.Rows; j++)
                inverse.Row(i)[j] *= scale[i] * scale[j];
        }
        Matrix<double> solution = Matrix<double>.Uninitialized(m.Rows, m.Columns);
        Gemm.Multiply(1, m.View, inverse.View, 0, solution.View, options, ct);
        return solution;
    }

    // V^-1 = L^-T L^-1, by columns of L^-1.
    private static Matrix<double>? TryInvert(Matrix<double> v)
    {
        int n = v.Rows;
        using Matrix<double> lower = v.Copy(), inverseLower = new(n, n);
        for (int j = 0; j < n; j++)
        {
            for (int i = j; i < n; i++)
            {
                double sum = lower[i, j];
                ReadOnlySpan<double> rowI = lower.Row(i), rowJ = lower.Row(j);
                for (int k = 0; k < j; k++)
                    sum -= rowI[k] * rowJ[k];
                if (i == j && !(sum > LeastPivot))
                    return null;
                lower[i, j] = i == j ? Math.Sqrt(sum) : sum / lower[j, j];
            }
        }
        for (int i = 0; i < n; i++)
        {
            Span<double> row = inverseLower.Row(i);
            row[i] = 1;
            for (int k = 0; k < i; k++)
            {
                double factor = lower[i, k];
                ReadOnlySpan<double> other = inverseLower.Row(k);
                for (int j = 0; j <= k; j++)
                    row[j] -= factor * other[j];
            }
            for (int j = 0; j <= i; j++)
                row[j] /= lower[i, i];
        }
        Matrix<double> inverse = new(n, n);
        for (int k = 0; k < n; k++)
        {
            ReadOnlySpan<double> row = inverseLower.Row(k);
            for (int i = 0; i <= k; i++)
            {
                Span<double> target = inverse.Row(i);
                for (int j = 0; j <= k; j++)
                    target[j] += row[i] * row[j];
            }
        }
        return inverse;
    }

    private static Matrix<double> PseudoInvert(Matrix<double> v, ComputeOptions options, CancellationToken ct)
    {
        (double[] values, Matrix<double> vectors) = SmallFactorizations.Eigen(new EmbeddedEngine(options), v.View, all => all.Length, ct);
        using (vectors)
        using (Matrix<double> scaled = vectors.Copy())
        {
            for (int k = 0; k < values.Length; k++)
            {
                double inverse = values[k] > LeastEigenvalue * v.Rows * values[0] ? 1 / values[k] : 0;
                foreach (ref double value in scaled.Row(k))
                    value *= inverse;
            }
            Matrix<double> result = Matrix<double>.Uninitialized(v.Rows, v.Rows);
            Gemm.Multiply(1, vectors.Transposed, scaled.View, 0, result.View, options, ct);
            return result;
        }
    }
}
