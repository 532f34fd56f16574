namespace LowRankTools.Numerics;

/// <summary>
/// Makes float32 rows orthonormal by CholeskyQR2 (Yamamoto, Nakatsukasa, Yanagisawa, Fukaya, 2015): in float32 where
/// they are well apart, in float64 up to condition numbers of about 1e7, beyond that by Householder reflections.
/// </summary>
internal static unsafe class RowOrthonormalizer
{
    private const int MostPasses = 4;

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
        using Matrix<float> single = Matrix<float>.Uninitialized(count, count);
        using Matrix<double> gram = Matrix<double>.Uninitialized(count, count);
        for (int pass = 0; pass < MostPasses; pass++)
        {
            GemmDriver.Multiply(1f, x, x.Transpose(), 0f, single.View, threads, ct);
            for (int i = 0; i < count; i++)
            {
                if (!CholeskyQr.TryInverseLength(single.View.Row(i)[i], out inverseLengths[i])) return false;
            }

            double worst = 0;
            for (int i = 0; i < count; i++)
            {
                float* from = single.View.Row(i);
                double* to = gram.View.Row(i);
                for (int j = 0; j < i; j++)
                {
                    to[j] = from[j] * inverseLengths[i] * inverseLengths[j];
                    worst = Math.Max(worst, Math.Abs(to[j]));
                }

                to[i] = 1;
            }

            using Matrix<double>? factor = CholeskyQr.TryFactor(gram, inverseLengths, threads, ct);
            if (factor is null) return false;
            Apply(factor, x, threads, ct);
            if (worst < CholeskyQr.Near) return true;
        }

        return false;
    }

    // X = F X for the lower triangular F.
    private static void Apply(Matrix<double> wide, MatrixView<float> x, int threads, CancellationToken ct)
    {
        using Matrix<float> factor = Matrix<float>.Uninitialized(x.Rows, x.Rows);
        MatrixCopy.Convert(wide.View, factor.View);
        if (x.ColumnStride == 1)
        {
            using Matrix<float> old = x.ToMatrix();
            GemmDriver.Multiply(1f, factor.View, old.View, 0f, x, threads, ct);
        }
        else
        {
            using Matrix<float> old = x.Transpose().ToMatrix();
            GemmDriver.Multiply(1f, old.View, factor.Transposed, 0f, x.Transpose(), threads, ct);
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
