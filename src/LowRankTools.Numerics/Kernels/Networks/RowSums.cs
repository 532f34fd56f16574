using System.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Memory;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>Sums of matrices along one direction, or of two matrices.</summary>
internal static unsafe class RowSums
{
    /// <summary>sums += the sum of the rows of x: partial sums of fixed stretches of rows, added in order.</summary>
    public static void AddColumns<T>(MatrixView<T> x, T* sums, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int columns = x.Columns, tasks = RowTasks.CountOf(x.Rows, columns);
        using Scratch scratch = Scratch.Rent<T>((long)tasks * columns);
        T* partial = scratch.As<T>();
        RowTasks.Run(x.Rows, columns, threads, (task, first, end) =>
        {
            T* sum = partial + ((nint)task * columns);
            Widening.Copy(x.Row(first), sum, columns);
            for (int i = first + 1; i < end; i++) VectorOps.AddScaled(T.One, x.Row(i), sum, columns);
        }, ct);
        for (int task = 0; task < tasks; task++) VectorOps.AddScaled(T.One, partial + ((nint)task * columns), sums, columns);
    }

    /// <summary>y = alpha x + beta y, both with contiguous rows.</summary>
    public static void AddScaled<T>(T alpha, MatrixView<T> x, T beta, MatrixView<T> y, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        RowTasks.Run(x.Rows, x.Columns, threads, (_, first, end) =>
        {
            for (int i = first; i < end; i++)
            {
                if (T.IsZero(beta))
                {
                    Widening.Copy(x.Row(i), y.Row(i), x.Columns);
                    if (alpha != T.One) VectorOps.Scale(alpha, y.Row(i), x.Columns);
                    continue;
                }

                if (beta != T.One) VectorOps.Scale(beta, y.Row(i), x.Columns);
                VectorOps.AddScaled(alpha, x.Row(i), y.Row(i), x.Columns);
            }
        }, ct);
    }
}
