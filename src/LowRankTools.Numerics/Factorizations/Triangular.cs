using System.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Factorizations;

/// <summary>Solves and inverts with lower triangular matrices, by halves so that nearly all work is products.</summary>
internal static unsafe class Triangular
{
    private const int LeafSize = 32;

    /// <summary>X = B L^-T in place of B (rows x n), L lower triangular (n x n).</summary>
    public static void SolveTransposed<T>(MatrixView<T> l, MatrixView<T> b, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ct.ThrowIfCancellationRequested();
        int n = l.Rows;
        if (n <= LeafSize)
        {
            for (int i = 0; i < b.Rows; i++)
            {
                T* x = b.Row(i);
                for (int j = 0; j < n; j++) x[j] = (x[j] - VectorOps.Dot(x, l.Row(j), j)) / l.Row(j)[j];
            }

            return;
        }

        int half = Cholesky.Half(n);
        MatrixView<T> left = b.Slice(0, 0, b.Rows, half), right = b.Slice(0, half, b.Rows, n - half);
        SolveTransposed(l.Slice(0, 0, half, half), left, threads, ct);
        GemmDriver.Multiply(-T.One, left, l.Slice(half, 0, n - half, half).Transpose(), T.One, right, threads, ct);
        SolveTransposed(l.Slice(half, half, n - half, n - half), right, threads, ct);
    }

    /// <summary>The inverse of lower triangular L (n x n), zeros above the diagonal written out.</summary>
    public static Matrix<T> Invert<T>(MatrixView<T> l, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // L^-T = I L^-T by the solve above; its transpose is the inverse.
        Matrix<T> inverse = new(l.Rows, l.Rows);
        for (int i = 0; i < l.Rows; i++) inverse.Pointer[((nint)i * l.Rows) + i] = T.One;
        using Matrix<T> transposed = inverse.Copy();
        SolveTransposed(l, transposed.View, threads, ct);
        MatrixCopy.Copy(transposed.Transposed, inverse.View);
        return inverse;
    }
}
