using LowRankTools.Numerics.Factorizations;
using LowRankTools.Numerics.Factorizations.Eigen;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Svd;

/// <summary>
/// The singular value decomposition of a product L R (m x n) of thin factors, truncated, without the product: L = Q1 R1 and
/// R^T = Q2 R2 by Householder reflections, then the core R1 R2^T, which has the singular values of L R and at most r x r
/// entries. All of it in float64, O((m + n) r^2 + r^3).
/// </summary>
public static class FactoredSvd
{
    /// <summary>Decomposes a product.</summary>
    /// <param name="left">L, m x r, any strides, finite.</param>
    /// <param name="right">R, r x n, any strides, finite.</param>
    /// <param name="choose">Receives the singular values, descending, min(m, r, n) of them, and says how many are kept, at least one.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch, NonFiniteValues.</exception>
    public static FactoredSvdResult Compute(MatrixView<float> left, MatrixView<float> right, Func<double[], int> choose, ComputeOptions? options = null, CancellationToken ct = default)
    {
        if (left.Columns != right.Rows || left.IsEmpty || right.IsEmpty)
            throw new LowRankToolsException("ShapesDoNotMatch", $"{left.Rows}x{left.Columns} and {right.Rows}x{right.Columns} make no product.");
        int threads = WorkerPool.Resolve(options?.ThreadCount ?? 0);
        // Rows are the factors' columns: a basis of them where there are fewer than entries, or else they are short themselves.
        using Matrix<double> first = Wide(left.Transpose()), second = Wide(right);
        using RowBasis? firstBasis = RowBasis.Of(first, threads, ct), secondBasis = RowBasis.Of(second, threads, ct);
        // Core = R1 R2^T, a factor that is short by itself standing for its own R.
        MatrixView<double> rowSide = firstBasis?.R.View ?? first.Transposed, columnSide = secondBasis?.R.Transposed ?? second.View;
        using Matrix<double> core = Matrix<double>.Uninitialized(rowSide.Rows, columnSide.Columns);
        Gemm.Multiply(1, rowSide, columnSide, 0, core.View, options, ct);
        RequireFinite(core, left, right, options, ct);
        // The Gram matrix of the core's smaller side; the other side's vectors follow as products, so that nothing is divided.
        bool flat = core.Rows <= core.Columns;
        (double[] values, Matrix<double> vectors) = Vectors(flat ? core.View : core.Transposed, choose, threads, options, ct);
        using (vectors)
        using (Matrix<double> others = Matrix<double>.Uninitialized(vectors.Rows, flat ? core.Columns : core.Rows))
        {
            Gemm.Multiply(1, vectors.View, flat ? core.View : core.Transposed, 0, others.View, options, ct);
            Balance(vectors, others, values);
            Matrix<double> onRows = flat ? vectors : others, onColumns = flat ? others : vectors;
            return Result(Lifted(onRows, firstBasis, options, ct), Lifted(onColumns, secondBasis, options, ct), values);
        }
    }

    /// <summary>||L R||_F without the product: the root of trace((L^T L)(R R^T)).</summary>
    /// <param name="left">L, m x r.</param>
    /// <param name="right">R, r x n.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public static double Norm(MatrixView<float> left, MatrixView<float> right, ComputeOptions? options = null, CancellationToken ct = default)
    {
        using Matrix<double> a = Matrix<double>.Uninitialized(left.Columns, left.Columns), b = Matrix<double>.Uninitialized(left.Columns, left.Columns);
        Gemm.MultiplyByOwnTranspose(1, left.Transpose(), 0, a.View, options, ct);
        Gemm.MultiplyByOwnTranspose(1, right, 0, b.View, options, ct);
        double trace = 0;
        for (int i = 0; i < a.Rows; i++)
        {
            for (int j = 0; j < a.Columns; j++)
                trace += a[i, j] * b[i, j];
        }
        return Math.Sqrt(Math.Max(trace, 0));
    }

    private static Matrix<double> Wide(MatrixView<float> view)
    {
        Matrix<double> wide = Matrix<double>.Uninitialized(view.Rows, view.Columns);
        MatrixCopy.Convert(view, wide.View);
        return wide;
    }

    // What is no number in a factor is none in its R, and none in the core: the factors themselves are looked at where that has one.
    private static void RequireFinite(Matrix<double> core, MatrixView<float> left, MatrixView<float> right, ComputeOptions? options, CancellationToken ct)
    {
        for (int i = 0; i < core.Rows; i++)
        {
            foreach (double value in core.Row(i))
            {
                if (double.IsFinite(value))
                    continue;
                InputCheck.SquaredNormOfFinite(left, options ?? ComputeOptions.Default, ct);
                InputCheck.SquaredNormOfFinite(right, options ?? ComputeOptions.Default, ct);
            }
        }
    }

    private static (double[] Values, Matrix<double> Vectors) Vectors(MatrixView<double> core, Func<double[], int> choose, int threads, ComputeOptions? options, CancellationToken ct)
    {
        using Matrix<double> gram = Matrix<double>.Uninitialized(core.Rows, core.Rows);
        Gemm.MultiplyByOwnTranspose(1, core, 0, gram.View, options, ct);
        double[] sigma = [];
        (_, Matrix<double> vectors) = SymmetricEigen.Compute(gram, eigenvalues =>
        {
            sigma = [.. eigenvalues.Select(v => Math.Sqrt(Math.Max(v, 0)))];
            return Math.Clamp(choose([.. sigma]), 1, sigma.Length);
        }, threads, ct);
        return (sigma, vectors);
    }

    // Vectors u (unit) and w = core^T u of length sigma become u sqrt(sigma) and w / sqrt(sigma): factors of one size.
    private static void Balance(Matrix<double> vectors, Matrix<double> others, double[] values)
    {
        for (int k = 0; k < vectors.Rows; k++)
        {
            double root = Math.Sqrt(values[k]);
            foreach (ref double value in vectors.Row(k))
                value *= root;
            foreach (ref double value in others.Row(k))
                value = root > 0 ? value / root : 0;
        }
    }

    // Rows in the coordinates of a basis become rows in those of the whole space.
    private static Matrix<float> Lifted(Matrix<double> rows, RowBasis? basis, ComputeOptions? options, CancellationToken ct)
    {
        using Matrix<double>? wide = basis?.Lift(rows, options, ct);
        Matrix<float> lifted = Matrix<float>.Uninitialized(rows.Rows, (wide ?? rows).Columns);
        MatrixCopy.Convert((wide ?? rows).View, lifted.View);
        return lifted;
    }

    private static FactoredSvdResult Result(Matrix<float> leftRows, Matrix<float> right, double[] values)
    {
        using (leftRows)
            return new FactoredSvdResult(leftRows.Transposed.ToMatrix(), right, values);
    }
}
