using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>Matrix products C = alpha A B + beta C over strided and transposed views.</summary>
public static class Gemm
{
    /// <summary>C (m x n) = alpha A (m x k) B (k x n) + beta C in float32.</summary>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="a">A, m x k, any strides.</param>
    /// <param name="b">B, k x n, any strides.</param>
    /// <param name="beta">Factor of the old C; 0 overwrites C whatever it holds, NaN included.</param>
    /// <param name="c">C, m x n, any strides, sharing no memory with A or B.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation, leaving C in an undefined state.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static void Multiply(float alpha, MatrixView<float> a, MatrixView<float> b, float beta, MatrixView<float> c, ComputeOptions? options = null, CancellationToken ct = default) =>
        GemmDriver.Multiply(alpha, a, b, beta, c, WorkerPool.Resolve(options?.ThreadCount ?? 0), ct);

    /// <inheritdoc cref="Multiply(float, MatrixView{float}, MatrixView{float}, float, MatrixView{float}, ComputeOptions?, CancellationToken)"/>
    /// <remarks>In float64.</remarks>
    public static void Multiply(double alpha, MatrixView<double> a, MatrixView<double> b, double beta, MatrixView<double> c, ComputeOptions? options = null, CancellationToken ct = default) =>
        GemmDriver.Multiply(alpha, a, b, beta, c, WorkerPool.Resolve(options?.ThreadCount ?? 0), ct);

    /// <summary>The symmetric C (m x m) = alpha A A^T + beta C in float32, at half the work of the full product.</summary>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="a">A, m x k, any strides; the transpose of B for B^T B.</param>
    /// <param name="beta">Factor of the old C, which must be symmetric; 0 overwrites it.</param>
    /// <param name="c">C, m x m.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch.</exception>
    public static void MultiplyByOwnTranspose(float alpha, MatrixView<float> a, float beta, MatrixView<float> c, ComputeOptions? options = null, CancellationToken ct = default) =>
        GemmDriver.MultiplyByOwnTranspose(alpha, a, beta, c, WorkerPool.Resolve(options?.ThreadCount ?? 0), ct);

    /// <inheritdoc cref="MultiplyByOwnTranspose(float, MatrixView{float}, float, MatrixView{float}, ComputeOptions?, CancellationToken)"/>
    /// <remarks>In float64.</remarks>
    public static void MultiplyByOwnTranspose(double alpha, MatrixView<double> a, double beta, MatrixView<double> c, ComputeOptions? options = null, CancellationToken ct = default) =>
        GemmDriver.MultiplyByOwnTranspose(alpha, a, beta, c, WorkerPool.Resolve(options?.ThreadCount ?? 0), ct);

    /// <inheritdoc cref="MultiplyByOwnTranspose(float, MatrixView{float}, float, MatrixView{float}, ComputeOptions?, CancellationToken)"/>
    /// <remarks>Of float32 entries, computed in float64: what a Gram matrix of calibration data needs.</remarks>
    public static void MultiplyByOwnTranspose(double alpha, MatrixView<float> a, double beta, MatrixView<double> c, ComputeOptions? options = null, CancellationToken ct = default) =>
        GemmDriver.MultiplyByOwnTranspose(alpha, a, beta, c, WorkerPool.Resolve(options?.ThreadCount ?? 0), ct);
}
