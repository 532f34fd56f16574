namespace LowRankTools.Numerics;

/// <summary>
/// Eigen-decomposition of a symmetric matrix, A = V^T diag(values) V, by Householder tridiagonalisation
/// (Golub and Van Loan, Matrix Computations, section 8.3).
/// </summary>
internal static unsafe class SymmetricEigen
{
    /// <summary>Decomposes A, which is destroyed.</summary>
    /// <param name="a">A, n x n, symmetric and finite.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>Values, descending, and eigenvectors as rows (n x n) in the same order.</returns>
    public static (double[] Values, Matrix<double> Vectors) Compute(Matrix<double> a, CancellationToken ct = default)
    {
        int n = a.Rows;
        double[] values = new double[n];
        double[] off = new double[n + 1];
        double[] factors = new double[n];
        using Matrix<double> basis = new(n, n);
        fixed (double* d = values, e = off, tau = factors)
        {
            Reduce(a.Pointer, n, d, e, tau, ct);
            for (int i = 0; i < n; i++) basis[i, i] = 1;
            Accumulate(a.Pointer, n, tau, basis.Pointer, ct);
            TridiagonalQl.Solve(d, e, n, basis.Pointer, n, n);
        }

        int[] order = [.. Enumerable.Range(0, n).OrderByDescending(i => values[i])];
        Matrix<double> vectors = Matrix<double>.Uninitialized(n, n);
        for (int i = 0; i < n; i++) basis.Row(order[i]).CopyTo(vectors.Row(i));
        return ([.. order.Select(i => values[i])], vectors);
    }

    // Column k below the diagonal becomes (off[k], 0, ...) by H = I - tau v v^T; v stays in row k of A, which the
    // trailing matrix no longer needs.
    private static void Reduce(double* a, int n, double* d, double* e, double* tau, CancellationToken ct)
    {
        using Scratch scratch = Scratch.Rent<double>(n);
        double* w = scratch.As<double>();
        for (int k = 0; k < n - 1; k++)
        {
            ct.ThrowIfCancellationRequested();
            int length = n - k - 1;
            double* v = a + ((nint)k * n) + k + 1;
            d[k] = v[-1];
            (e[k], tau[k]) = Householder.Make(v, length);
            if (tau[k] == 0) continue;
            double* trailing = a + ((nint)(k + 1) * n) + k + 1;
            for (int i = 0; i < length; i++) w[i] = tau[k] * VectorOps.Dot(trailing + ((nint)i * n), v, length);
            VectorOps.AddScaled(-0.5 * tau[k] * VectorOps.Dot(w, v, length), v, w, length);
            for (int i = 0; i < length; i++)
            {
                VectorOps.AddScaled(-v[i], w, trailing + ((nint)i * n), length);
                VectorOps.AddScaled(-w[i], v, trailing + ((nint)i * n), length);
            }
        }

        if (n > 0) d[n - 1] = a[((nint)n * n) - 1];
    }

    // Rows of the basis are columns of H_0 H_1 ... H_(n-2).
    private static void Accumulate(double* a, int n, double* tau, double* basis, CancellationToken ct)
    {
        for (int k = n - 2; k >= 0; k--)
        {
            ct.ThrowIfCancellationRequested();
            double* v = a + ((nint)k * n) + k + 1;
            int length = n - k - 1;
            for (int i = k + 1; i < n; i++)
            {
                double* row = basis + ((nint)i * n) + k + 1;
                VectorOps.AddScaled(-tau[k] * VectorOps.Dot(row, v, length), v, row, length);
            }
        }
    }
}
