namespace LowRankTools.Numerics;

/// <summary>
/// The dense route for tall A (m x n, m at least n): the eigen-decomposition of A^T A in float64 gives V and the
/// rank; U comes from a QR factorization of A V, so that it is orthonormal even where A has no rank left.
/// Working set beyond the input: 2 n^2 float64 and the factors.
/// </summary>
internal static unsafe class GramSvd
{
    public static TruncatedSvdResult Compute(MatrixView<float> a, RankTarget target, double squaredNorm, SvdOptions options, CancellationToken ct)
    {
        int threads = WorkerPool.Resolve(options.ThreadCount), n = a.Columns;
        using Matrix<double> gram = new(n, n);
        GemmDriver.MultiplyByOwnTranspose(1.0, a.Transpose(), 0.0, gram.View, threads, ct);
        (double[] eigenvalues, Matrix<double> vectors) = SymmetricEigen.Compute(gram, ct);
        using (vectors)
        {
            double[] values = [.. eigenvalues.Select(value => Math.Sqrt(Math.Max(value, 0)))];
            int rank = RankChoice.Find(target, values, squaredNorm);
            if (rank == 0) rank = n;

            Matrix<float> vt = Matrix<float>.Uninitialized(rank, n);
            MatrixCopy.Convert(vectors.View.Slice(0, 0, rank, n), vt.View);
            using Matrix<float> image = Matrix<float>.Uninitialized(a.Rows, rank);
            GemmDriver.Multiply(1f, a, vt.Transposed, 0f, image.View, threads, ct);
            using Matrix<double> q = Matrix<double>.Uninitialized(rank, a.Rows);
            MatrixCopy.Convert(image.Transposed, q.View);
            OrthonormalRows(q, ct);
            double[] sigma = values[..rank];
            Matrix<float> u = Matrix<float>.Uninitialized(a.Rows, rank);
            MatrixCopy.Convert(q.View.Transpose(), u.View);

            double error = ResidualNorm.Relative(a, u, sigma, vt, squaredNorm, threads, ct);
            return new TruncatedSvdResult(u, sigma, vt, squaredNorm, error, "float64 Gram");
        }
    }

    // Rows become orthonormal by Householder reflections; signs make the diagonal of R nonnegative.
    private static void OrthonormalRows(Matrix<double> rows, CancellationToken ct)
    {
        int count = rows.Rows, length = rows.Columns;
        double[] tau = new double[count], diagonal = new double[count];
        for (int k = 0; k < count; k++)
        {
            ct.ThrowIfCancellationRequested();
            double* v = rows.Pointer + ((nint)k * length) + k;
            (diagonal[k], tau[k]) = Householder.Make(v, length - k);
            for (int i = k + 1; i < count; i++)
            {
                double* row = rows.Pointer + ((nint)i * length) + k;
                VectorOps.AddScaled(-tau[k] * VectorOps.Dot(row, v, length - k), v, row, length - k);
            }
        }

        for (int k = count - 1; k >= 0; k--)
        {
            ct.ThrowIfCancellationRequested();
            double* v = rows.Pointer + ((nint)k * length) + k;
            for (int i = k + 1; i < count; i++)
            {
                double* row = rows.Pointer + ((nint)i * length);
                VectorOps.AddScaled(-tau[k] * VectorOps.Dot(row + k, v, length - k), v, row + k, length - k);
            }

            // Row k is H_k e_k.
            VectorOps.Scale(-tau[k], v, length - k);
            v[0] += 1;
            for (int j = 1; j <= k; j++) v[-j] = 0;
        }

        for (int k = 0; k < count; k++)
        {
            if (diagonal[k] < 0)
            {
                VectorOps.Scale(-1.0, rows.Pointer + ((nint)k * length), length);
            }
        }
    }
}
