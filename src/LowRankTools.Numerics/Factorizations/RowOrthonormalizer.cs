using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Factorizations;

/// <summary>
/// Makes float32 rows orthonormal by CholeskyQR2 (Yamamoto, Nakatsukasa, Yanagisawa, Fukaya, 2015): in float32 where
/// they are well apart, in float64 up to condition numbers of about 1e7, beyond that by Householder reflections.
/// </summary>
internal static unsafe class RowOrthonormalizer
{
    private const int MostPasses = 4;

    // Up to this Frobenius norm of N, (I + N + N^T) = L L^T has L^-1 = I - N to float32's rounding.
    private const double FirstOrder = 2e-4;

    // A triangle times a matrix leaves out what is zero in steps of so many rows.
    private const int RowsPerProduct = 256;

    /// <summary>
    /// Replaces the rows of X (k x length, rows or columns contiguous, k at most length) by an orthonormal basis Q of
    /// them: X = L Q with L lower triangular and no negative entry on its diagonal.
    /// </summary>
    /// <exception cref="LowRankToolsException">NonFiniteValues.</exception>
    public static void Orthonormalize(MatrixView<float> x, int threads, CancellationToken ct)
    {
        if (x.IsEmpty || TryInSingle(x, threads, ct)) return;
        InDouble(x, threads, ct);
    }

    // With Gram matrices in float32, whose error is that of a row's length: enough unless rows nearly depend on one
    // another. Those of the first pass also tell the lengths, which differ without harm.
    private static bool TryInSingle(MatrixView<float> x, int threads, CancellationToken ct)
    {
        int count = x.Rows;
        double[] inverseLengths = new double[count];
        using Matrix<float> gram = Matrix<float>.Uninitialized(count, count);
        for (int pass = 0; pass < MostPasses; pass++)
        {
            GemmDriver.Multiply(1f, x, x.Transpose(), 0f, gram.View, threads, ct);
            for (int i = 0; i < count; i++)
            {
                if (!CholeskyQr.TryInverseLength(gram.View.Row(i)[i], out inverseLengths[i])) return false;
            }

            (double worst, double squares) = BelowDiagonal(gram, inverseLengths);
            if (squares < FirstOrder * FirstOrder) MakeFirstOrder(gram, inverseLengths);
            else if (!TryMakeFactor(gram, inverseLengths, threads, ct)) return false;
            Apply(gram.View, x, threads, ct);
            if (worst < CholeskyQr.Near) return true;
        }

        return false;
    }

    // Largest entry and sum of squares of N, the part of D G D below the diagonal.
    private static (double Worst, double Squares) BelowDiagonal(Matrix<float> gram, double[] inverseLengths)
    {
        double worst = 0, squares = 0;
        for (int i = 0; i < gram.Rows; i++)
        {
            float* row = gram.View.Row(i);
            for (int j = 0; j < i; j++)
            {
                double entry = row[j] * inverseLengths[i] * inverseLengths[j];
                worst = Math.Max(worst, Math.Abs(entry));
                squares += entry * entry;
            }
        }

        return (worst, squares);
    }

    // G becomes (I - N) D, which is L^-1 D as long as N^2 is rounding.
    private static void MakeFirstOrder(Matrix<float> gram, double[] inverseLengths)
    {
        for (int i = 0; i < gram.Rows; i++)
        {
            float* row = gram.View.Row(i);
            for (int j = 0; j < i; j++) row[j] = (float)(-row[j] * inverseLengths[i] * inverseLengths[j] * inverseLengths[j]);
            row[i] = (float)inverseLengths[i];
            gram.Row(i)[(i + 1)..].Clear();
        }
    }

    // G becomes L^-1 D.
    private static bool TryMakeFactor(Matrix<float> gram, double[] inverseLengths, int threads, CancellationToken ct)
    {
        using Matrix<double> scaled = Matrix<double>.Uninitialized(gram.Rows, gram.Rows);
        for (int i = 0; i < gram.Rows; i++)
        {
            float* from = gram.View.Row(i);
            double* to = scaled.View.Row(i);
            for (int j = 0; j < i; j++) to[j] = from[j] * inverseLengths[i] * inverseLengths[j];
            to[i] = 1;
        }

        using Matrix<double>? factor = CholeskyQr.TryFactor(scaled, inverseLengths, threads, ct);
        if (factor is null) return false;
        MatrixCopy.Convert(factor.View, gram.View);
        return true;
    }

    // X = F X for the lower triangular F.
    private static void Apply(MatrixView<float> factor, MatrixView<float> x, int threads, CancellationToken ct)
    {
        bool byRows = x.ColumnStride == 1;
        using Matrix<float> copy = byRows ? x.ToMatrix() : x.Transpose().ToMatrix();
        MatrixView<float> old = byRows ? copy.View : copy.Transposed;
        for (int first = 0; first < x.Rows; first += RowsPerProduct)
        {
            int count = Math.Min(RowsPerProduct, x.Rows - first), end = first + count;
            MatrixView<float> left = factor.Slice(first, 0, count, end), right = old.Slice(0, 0, end, x.Columns), target = x.Slice(first, 0, count, x.Columns);
            if (byRows) GemmDriver.Multiply(1f, left, right, 0f, target, threads, ct);
            else GemmDriver.Multiply(1f, right.Transpose(), left.Transpose(), 0f, target.Transpose(), threads, ct);
        }
    }

    // Rows that nearly depend on one another, in float64 throughout: the inverse of L is large, and what a float32
    // product rounds off would lie outside their span.
    private static void InDouble(MatrixView<float> x, int threads, CancellationToken ct)
    {
        using Matrix<double> wide = Matrix<double>.Uninitialized(x.Rows, x.Columns);
        MatrixCopy.Convert(x, wide.View);
        NormalizeRows(wide);
        if (!TryCholesky(wide, threads, ct)) ByReflections(wide, threads, ct);
        MatrixCopy.Convert(wide.View, x);
    }

    private static bool TryCholesky(Matrix<double> x, int threads, CancellationToken ct)
    {
        for (int pass = 0; pass < MostPasses; pass++)
        {
            using Matrix<double> gram = Matrix<double>.Uninitialized(x.Rows, x.Rows);
            GemmDriver.MultiplyByOwnTranspose(1.0, x.View, 0.0, gram.View, threads, ct);
            bool last = DistanceFromIdentity(gram) < CholeskyQr.Near;
            if (!Cholesky.TryFactor(gram.View, threads, ct)) return false;
            using Matrix<double> inverse = Triangular.Invert(gram.View, threads, ct), old = x.Copy();
            GemmDriver.Multiply(1.0, inverse.View, old.View, 0.0, x.View, threads, ct);
            if (last) return true;
        }

        return false;
    }

    private static void ByReflections(Matrix<double> x, int threads, CancellationToken ct)
    {
        using Matrix<double> r = Matrix<double>.Uninitialized(x.Rows, x.Rows);
        HouseholderQr.OrthonormalizeRows(x.View, r, threads, ct);

        // As Cholesky would have it: no row is turned round.
        for (int i = 0; i < x.Rows; i++)
        {
            if (r[i, i] < 0) VectorOps.Scale(-1.0, x.View.Row(i), x.Columns);
        }
    }

    // Rows of very different lengths are no harm to their span, but they are to the Gram matrix.
    private static void NormalizeRows(Matrix<double> x)
    {
        for (int i = 0; i < x.Rows; i++)
        {
            double* row = x.View.Row(i);
            double squared = InputCheck.Checked(VectorOps.Dot(row, row, x.Columns), x.Rows, x.Columns);
            if (squared > 0) VectorOps.Scale(1 / Math.Sqrt(squared), row, x.Columns);
        }
    }

    private static double DistanceFromIdentity(Matrix<double> gram)
    {
        double worst = 0;
        for (int i = 0; i < gram.Rows; i++)
        {
            Span<double> row = gram.Row(i);
            for (int j = 0; j < row.Length; j++) worst = Math.Max(worst, Math.Abs(row[j] - (i == j ? 1 : 0)));
        }

        return worst;
    }
}
