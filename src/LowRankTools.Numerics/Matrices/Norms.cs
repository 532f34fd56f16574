using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Matrices;

/// <summary>Norms of matrices, summed in float64.</summary>
public static unsafe class Norms
{
    // Entries in one partial sum. A fixed cut, summed in order: the bits do not depend on threads.
    private const long ChunkLength = 1 << 18;

    /// <summary>||A||_F^2 = sum a_ij^2 in float64. NaN and infinity pass through.</summary>
    /// <param name="a">A, any strides.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the sum.</param>
    public static double FrobeniusSquared(MatrixView<float> a, ComputeOptions? options = null, CancellationToken ct = default)
    {
        if (a.IsEmpty) return 0;
        if (a.ColumnStride != 1 && a.RowStride == 1) a = a.Transpose();
        MatrixView<float> rowsFirst = a;
        int rowsPerChunk = (int)Math.Clamp(ChunkLength / a.Columns, 1, a.Rows);
        double[] partial = new double[(a.Rows + rowsPerChunk - 1) / rowsPerChunk];
        WorkerPool.Run(partial.Length, WorkerPool.Resolve(options?.ThreadCount ?? 0), chunk =>
        {
            double sum = 0;
            for (int i = chunk * rowsPerChunk; i < Math.Min((chunk + 1) * rowsPerChunk, rowsFirst.Rows); i++)
                sum += RowSquared(rowsFirst.Row(i), rowsFirst.Columns, rowsFirst.ColumnStride);
            partial[chunk] = sum;
        }, ct);

        double total = 0;
        foreach (double sum in partial) total += sum;
        a.KeepAlive();
        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static double RowSquared(float* row, int count, nint stride)
    {
        double sum = 0;
        int j = 0;
        if (stride == 1)
        {
            Vector512<double> low = Vector512<double>.Zero, high = low;
            for (; j <= count - 16; j += 16)
            {
                (Vector512<double> first, Vector512<double> second) = Vector512.Widen(Vector512.Load(row + j));
                low = Vector512.FusedMultiplyAdd(first, first, low);
                high = Vector512.FusedMultiplyAdd(second, second, high);
            }

            sum = Vector512.Sum(low + high);
        }

        for (; j < count; j++) sum += (double)row[j * stride] * row[j * stride];
        return sum;
    }
}
