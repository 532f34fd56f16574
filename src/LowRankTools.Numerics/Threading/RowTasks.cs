namespace LowRankTools.Numerics.Threading;

/// <summary>Cuts passes over the rows of a matrix into tasks of a fixed size, so that the bits do not depend on threads.</summary>
internal static class RowTasks
{
    // Entries of a task: enough to outweigh handing it out, few enough to stay in the second-level cache.
    private const int TaskEntries = 1 << 15;

    /// <summary>Rows of one task for rows of <paramref name="columns"/> entries.</summary>
    public static int RowsOf(int columns) => Math.Max(1, TaskEntries / Math.Max(1, columns));

    /// <summary>Number of tasks.</summary>
    public static int CountOf(int rows, int columns) => (rows + RowsOf(columns) - 1) / RowsOf(columns);

    /// <summary>Calls <paramref name="body"/> with the number of the task, its first row and the row after its last.</summary>
    public static void Run(int rows, int columns, int threads, Action<int, int, int> body, CancellationToken ct)
    {
        int step = RowsOf(columns);
        WorkerPool.Run(CountOf(rows, columns), threads, task => body(task, task * step, Math.Min(rows, (task + 1) * step)), ct);
    }
}
