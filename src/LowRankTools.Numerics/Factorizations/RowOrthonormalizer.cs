namespace LowRankTools.Numerics;

/// <summary>
/// Makes float32 rows orthonormal by CholeskyQR2 (Yamamoto, Nakatsukasa, Yanagisawa, Fukaya, 2015) with the Gram
/// matrix in float64, which holds for condition numbers up to about 1e7; beyond that by Householder reflections.
/// </summary>
internal static unsafe class RowOrthonormalizer
{
    private const int MostPasses = 5;

    // Once the Gram matrix is this close to I, one more pass reaches machine precision.
    private const double Near = 1e-2;

    // A row this close to the span of those before it, in units of its length, needs the Gram matrix in float64.
    private const double Apart = 0.03;

    /// <summary>
    /// Replaces the rows of X (k x length, contiguous, k at most length) by an orthonormal basis Q of them: X = L Q with
    /// L lower triangular and no negative entry on its diagonal.
    /// </summary>
    /// <exception cref="LowRankToolsException">NonFiniteValues.</exception>
    public static void Orthonormalize(MatrixView<float> x, int threads, CancellationToken ct)
    {
        if (x.IsEmpty) return;
        NormalizeRows(x);
        bool inSingle = true;
        for (int pass = 0; pass < MostPasses; pass++)
        {
            using Matrix<double> gram = Gram(x, inSingle, threads, ct);
            bool last = DistanceFromIdentity(gram) < Near, factored = Cholesky.TryFactor(gram.View, threads, ct);
            if (inSingle && !(factored && RowsAreApart(gram)))
            {
                inSingle = false;
                continue;
            }

            if (!factored) break;
            using Matrix<double> inverse = Triangular.Invert(gram.View, threads, ct);
            using Matrix<float> factor = Matrix<float>.Uninitialized(x.Rows, x.Rows);
            MatrixCopy.Convert(inverse.View, factor.View);
            using Matrix<float> old = x.ToMatrix();
            GemmDriver.Multiply(1f, factor.View, old.View, 0f, x, threads, ct);
            if (last) return;
        }

        ByReflections(x, threads, ct);
    }

    // In float32 its error is that of a row's length, which only matters when rows nearly depend on one another.
    private static Matrix<double> Gram(MatrixView<float> x, bool inSingle, int threads, CancellationToken ct)
    {
        Matrix<double> gram = Matrix<double>.Uninitialized(x.Rows, x.Rows);
        if (inSingle)
        {
            using Matrix<float> single = Matrix<float>.Uninitialized(x.Rows, x.Rows);
            GemmDriver.Multiply(1f, x, x.Transpose(), 0f, single.View, threads, ct);
            MatrixCopy.Convert(single.View, gram.View);
        }
        else
        {
            GemmDriver.MultiplyByOwnTranspose(1.0, x, 0.0, gram.View, threads, ct);
        }

        return gram;
    }

    private static bool RowsAreApart(Matrix<double> l)
    {
        for (int i = 0; i < l.Rows; i++)
        {
            if (l.View.Row(i)[i] < Apart) return false;
        }

        return true;
    }

    private static void ByReflections(MatrixView<float> x, int threads, CancellationToken ct)
    {
        using Matrix<double> wide = Matrix<double>.Uninitialized(x.Rows, x.Columns);
        MatrixCopy.Convert(x, wide.View);
        using Matrix<double> r = Matrix<double>.Uninitialized(x.Rows, x.Rows);
        HouseholderQr.OrthonormalizeRows(wide.View, r, threads, ct);

        // As Cholesky would have it: no row is turned round.
        for (int i = 0; i < x.Rows; i++)
        {
            if (r[i, i] < 0) VectorOps.Scale(-1.0, wide.View.Row(i), x.Columns);
        }

        MatrixCopy.Convert(wide.View, x);
    }

    // Rows of very different lengths are no harm to their span, but they are to the Gram matrix.
    private static void NormalizeRows(MatrixView<float> x)
    {
        double[] norms = new double[x.Rows];
        for (int i = 0; i < x.Rows; i++) norms[i] = Math.Sqrt(InputCheck.Checked(Norms.RowSquared(x.Row(i), x.Columns, 1), x.Rows, x.Columns));
        for (int i = 0; i < x.Rows; i++)
        {
            double norm = norms[i];
            if (norm == 0) continue;

            // In two steps, because the inverse of a tiny norm is no float32 number.
            double half = Math.Sqrt(1 / norm);
            if (half > 1e18)
            {
                VectorOps.Scale((float)half, x.Row(i), x.Columns);
                VectorOps.Scale((float)half, x.Row(i), x.Columns);
            }
            else
            {
                VectorOps.Scale((float)(1 / norm), x.Row(i), x.Columns);
            }
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
