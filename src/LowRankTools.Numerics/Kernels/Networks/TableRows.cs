using System.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>Rows of a table by number, and back: what an embedding does.</summary>
internal static unsafe class TableRows
{
    // Columns of one task of the way back.
    private const int TaskColumns = 64;

    /// <summary>y[i] = table[rows[i]].</summary>
    public static void Gather<T>(MatrixView<T> table, int[] rows, MatrixView<T> y, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        RowTasks.Run(rows.Length, table.Columns, threads, (_, first, end) =>
        {
            for (int i = first; i < end; i++) Widening.Copy(table.Row(rows[i]), y.Row(i), table.Columns);
        }, ct);
    }

    /// <summary>table[rows[i]] += x[i], in order; tasks share columns out, since a row may come up twice.</summary>
    public static void ScatterAdd<T>(MatrixView<T> x, int[] rows, MatrixView<T> table, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        WorkerPool.Run((table.Columns + TaskColumns - 1) / TaskColumns, threads, task =>
        {
            int column = task * TaskColumns, columns = Math.Min(TaskColumns, table.Columns - column);
            for (int i = 0; i < rows.Length; i++) VectorOps.AddScaled(T.One, x.Row(i) + column, table.Row(rows[i]) + column, columns);
        }, ct);
    }
}
