namespace LowRankTools.Numerics;

/// <summary>Singular values without vectors.</summary>
public static class SingularValues
{
    /// <summary>All min(m, n) singular values of A (m x n), descending.</summary>
    /// <param name="a">A, any strides, finite.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException">NonFiniteValues.</exception>
    /// <remarks>From the float64 Gram matrix of the smaller side: values below about 1e-8 of the largest are noise.</remarks>
    public static double[] Compute(MatrixView<float> a, SvdOptions? options = null, CancellationToken ct = default)
    {
        options ??= SvdOptions.Default;
        InputCheck.SquaredNormOfFinite(a, options.Compute, ct);
        MatrixView<float> flat = a.Rows <= a.Columns ? a : a.Transpose();
        int threads = WorkerPool.Resolve(options.ThreadCount);
        using Matrix<double> gram = Matrix<double>.Uninitialized(flat.Rows, flat.Rows);
        GemmDriver.MultiplyByOwnTranspose(1.0, flat, 0.0, gram.View, threads, ct);
        double[] eigenvalues = SymmetricEigen.Values(gram, threads, ct);
        a.KeepAlive();
        return [.. eigenvalues.Select(value => Math.Sqrt(Math.Max(value, 0)))];
    }
}
