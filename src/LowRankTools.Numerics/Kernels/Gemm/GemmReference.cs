using System.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>
/// The readable product: the truth that every kernel is tested against, and what runs where the machine has no
/// vector instructions at all.
/// </summary>
internal static unsafe class GemmReference
{
    /// <summary>C (m x n) = alpha A (m x k) B (k x n) + beta C; lowerOnly leaves out entries above the diagonal.</summary>
    public static void Multiply<TSource, T>(T alpha, MatrixView<TSource> a, MatrixView<TSource> b, T beta, MatrixView<T> c, bool lowerOnly, CancellationToken ct)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < c.Rows; i++)
        {
            ct.ThrowIfCancellationRequested();
            int columns = lowerOnly ? Math.Min(i + 1, c.Columns) : c.Columns;
            for (int j = 0; j < columns; j++)
            {
                T* target = c.Row(i) + (j * c.ColumnStride);
                *target = T.IsZero(beta) ? T.Zero : beta * *target;
            }

            // Row by row of B, so that memory is walked in its own order.
            for (int p = 0; p < a.Columns; p++)
            {
                T factor = alpha * T.CreateTruncating(a.Row(i)[p * a.ColumnStride]);
                for (int j = 0; j < columns; j++)
                    c.Row(i)[j * c.ColumnStride] += factor * T.CreateTruncating(b.Row(p)[j * b.ColumnStride]);
            }
        }
    }
}
