using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Factorizations.Eigen;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Svd;

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

    /// <summary>The same on any engine.</summary>
    /// <param name="engine">Engine that holds A.</param>
    /// <param name="a">A, a matrix of either type, finite.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException">NonFiniteValues.</exception>
    public static double[] Compute(ITensorEngine engine, ITensor a, CancellationToken ct = default)
    {
        InputCheck.Checked(engine.SumOfSquares(a), a.Shape[0], a.Shape[1]);
        using ITensor gram = engine.Gram(a.Shape[0] <= a.Shape[1] ? a : engine.Transpose(a), ct);
        (double[] eigenvalues, ITensor none) = engine.SymmetricEigen(gram, _ => 0, ct);
        none.Dispose();
        return [.. eigenvalues.Select(value => Math.Sqrt(Math.Max(value, 0)))];
    }
}
