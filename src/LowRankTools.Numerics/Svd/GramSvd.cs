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
        using Matrix<double> gram = Matrix<double>.Uninitialized(n, n);
        GemmDriver.MultiplyByOwnTranspose(1.0, a.Transpose(), 0.0, gram.View, threads, ct);
        (double[] eigenvalues, Matrix<double> vectors) = SymmetricEigen.Compute(gram, values => Choose(target, values, squaredNorm), threads, ct);
        using Matrix<double> owned = vectors;
        int rank = vectors.Rows;

        Matrix<float> vt = Matrix<float>.Uninitialized(rank, n);
        MatrixCopy.Convert(vectors.View, vt.View);
        using Matrix<float> rows = Matrix<float>.Uninitialized(rank, a.Rows);
        GemmDriver.Multiply(1f, vt.View, a.Transpose(), 0f, rows.View, threads, ct);
        RowOrthonormalizer.Orthonormalize(rows.View, threads, ct);
        double[] sigma = [.. eigenvalues.Take(rank).Select(value => Math.Sqrt(Math.Max(value, 0)))];
        Matrix<float> u = rows.Transposed.ToMatrix();
        double error = ResidualNorm.Relative(a, u, sigma, vt, squaredNorm, threads, ct);
        return new TruncatedSvdResult(u, sigma, vt, squaredNorm, error, "float64 Gram");
    }

    private static int Choose(RankTarget target, double[] eigenvalues, double squaredNorm)
    {
        double[] values = [.. eigenvalues.Select(value => Math.Sqrt(Math.Max(value, 0)))];
        int rank = RankChoice.Find(target, values, squaredNorm);
        return rank == 0 ? values.Length : rank;
    }
}
