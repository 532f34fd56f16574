using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels;

/// <summary>Sums of the rows of a matrix in turn, each with its sign.</summary>
internal static unsafe class SignedRowSums
{
    // Columns of A in one task.
    private const int TaskColumns = 512;

    /// <summary>Adds the rows of A, with their signs, to the rows of zeroed sums in turn.</summary>
    /// <param name="a">A, m x n, rows or columns contiguous.</param>
    /// <param name="signs">m signs.</param>
    /// <param name="sums">Count x n, contiguous the same way as A.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public static void Add(MatrixView<float> a, float[] signs, MatrixView<float> sums, int threads, CancellationToken ct)
    {
        WorkerPool.Run((a.Columns + TaskColumns - 1) / TaskColumns, threads, task =>
        {
            int first = task * TaskColumns, end = Math.Min(a.Columns, first + TaskColumns);
            if (a.ColumnStride == 1)
            {
                for (int i = 0; i < a.Rows; i++) VectorOps.AddScaled(signs[i], a.Row(i) + first, sums.Row(i % sums.Rows) + first, end - first);
                return;
            }

            fixed (float* sign = signs)
            {
                for (int j = first; j < end; j++) Fold(a.Pointer + (j * a.ColumnStride), sign, a.Rows, sums.Pointer + (j * sums.ColumnStride), sums.Rows);
            }
        }, ct);
    }

    // A contiguous column of A, cut into pieces that are added up.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Fold(float* column, float* signs, int length, float* sums, int count)
    {
        for (int i = 0; i < length; i += count)
        {
            int size = Math.Min(count, length - i), l = 0;
            for (; l <= size - Vector128<float>.Count; l += Vector128<float>.Count)
                Vector128.FusedMultiplyAdd(Vector128.Load(signs + i + l), Vector128.Load(column + i + l), Vector128.Load(sums + l)).Store(sums + l);
            for (; l < size; l++) sums[l] += signs[i + l] * column[i + l];
        }
    }
}
