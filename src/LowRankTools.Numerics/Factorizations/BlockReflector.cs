using System.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Memory;

namespace LowRankTools.Numerics.Factorizations;

/// <summary>
/// Several reflectors as one, H_1 H_2 ... H_k = I - V^T T V with the vectors as rows of V (k x length) and T upper
/// triangular: the compact WY form of Schreiber and Van Loan (1989). Applying it is two products of matrices.
/// </summary>
internal static unsafe class BlockReflector
{
    /// <summary>Makes T from the vectors and their factors.</summary>
    /// <param name="v">V, k x length, leading zeros and ones written out.</param>
    /// <param name="tau">Factors of the reflectors.</param>
    /// <param name="t">Receives T, k x k.</param>
    /// <param name="threads">Threads.</param>
    public static void MakeT<T>(MatrixView<T> v, T* tau, Matrix<T> t, int threads)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int count = v.Rows;
        using Matrix<T> products = Matrix<T>.Uninitialized(count, count);
        GemmDriver.Multiply(T.One, v, v.Transpose(), T.Zero, products.View, threads);
        for (int j = 0; j < count; j++)
        {
            // Column j above the diagonal: -tau_j T (V v_j); V V^T is symmetric, so V v_j is a row of it.
            for (int i = 0; i < j; i++)
            {
                T sum = VectorOps.Dot(t.Pointer + (i * count) + i, products.Pointer + (j * count) + i, j - i);
                t.Pointer[(i * count) + j] = -tau[j] * sum;
            }

            t.Pointer[(j * count) + j] = tau[j];
            for (int i = j + 1; i < count; i++) t.Pointer[(i * count) + j] = T.Zero;
        }
    }

    /// <summary>
    /// Applies the product Q of the reflectors to every row of X, seen as a column: X = X - (X V^T) T^T V for Q, and
    /// with T in place of its transpose for Q^T.
    /// </summary>
    public static void Apply<T>(MatrixView<T> v, Matrix<T> t, MatrixView<T> x, bool transposed, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (x.IsEmpty) return;
        using Scratch scratch = Scratch.Rent<T>(2L * x.Rows * v.Rows);
        var shadow = new MatrixView<T>(scratch.As<T>(), x.Rows, v.Rows, v.Rows, 1);
        var turned = new MatrixView<T>(scratch.As<T>() + shadow.Length, x.Rows, v.Rows, v.Rows, 1);
        GemmDriver.Multiply(T.One, x, v.Transpose(), T.Zero, shadow, threads, ct);
        GemmDriver.Multiply(T.One, shadow, transposed ? t.View : t.Transposed, T.Zero, turned, threads, ct);
        GemmDriver.Multiply(-T.One, turned, v, T.One, x, threads, ct);
    }
}
