using System.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Memory;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>
/// One product with C in row-major order (flat C in any order), cut into tasks. Either the tasks share a packed B and each packs its own
/// rows of A, or (C flat and wide) they share a packed A and each packs its own columns of B. An entry of C is
/// always summed in the same order, in blocks of Depth, whatever the cut: the bits do not depend on threads.
/// </summary>
internal sealed unsafe class GemmPlan<TSource, T>(
    T alpha, MatrixView<TSource> a, MatrixView<TSource> b, T beta, MatrixView<T> c, bool lowerOnly, int threads, CancellationToken ct)
    where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    // Panels of B that one task packs at a time: rows of a kilobyte, which memory delivers in one go.
    private const int TaskPanels = 8;

    /// <summary>C is flat up to this many rows: a packed block of A then leaves room in the second-level cache.</summary>
    public const int FlatRows = 192;

    // A flat product is cut into about this many tasks, of at most so many strips of TaskPanels.
    private const int FlatTasks = 8;
    private const int MostStrips = 4;

    // Under a triangle, narrow strips waste less above the diagonal.
    private const int TriangleRows = 48;

    private readonly int _depth = a.Columns;

    public void Run()
    {
        if (c.Rows <= FlatRows && c.Columns > c.Rows && !lowerOnly) RunFlat();
        else RunTall();
    }

    /// <summary>Shared B: depth by depth as much as fits, then every task multiplies its rows with all of it.</summary>
    private void RunTall()
    {
        int width = GemmBlocking<T>.TileColumns, depthStep = GemmBlocking<T>.Depth, taskRows = lowerOnly ? TriangleRows : GemmBlocking<T>.TaskRows;
        int maxColumns = Math.Max(width, GemmBlocking<T>.SharedElements / depthStep / width * width);
        int columnStep = Math.Min(RoundUp(c.Columns, width), maxColumns);
        int groupDepth = Math.Max(1, GemmBlocking<T>.SharedElements / columnStep / depthStep) * depthStep;
        groupDepth = Math.Min(groupDepth, RoundUp(_depth, depthStep));
        using Scratch shared = Scratch.Rent<T>((long)columnStep * groupDepth);
        T* packedB = shared.As<T>();

        for (int j = 0; j < c.Columns; j += columnStep)
        {
            int columns = Math.Min(columnStep, c.Columns - j);
            int panels = (columns + width - 1) / width;
            int padded = panels * width;
            for (int p = 0; p < _depth; p += groupDepth)
            {
                int depth = Math.Min(groupDepth, _depth - p);
                int steps = (depth + depthStep - 1) / depthStep;
                int firstColumn = j, firstDepth = p;

                int packColumns = width * TaskPanels, packTasks = (columns + packColumns - 1) / packColumns;
                WorkerPool.Run(packTasks * steps, threads, task =>
                {
                    (int step, int part) = Math.DivRem(task, packTasks);
                    int q = step * depthStep, column = part * packColumns;
                    int blockDepth = Math.Min(depthStep, depth - q);
                    MatrixView<TSource> block = b.Slice(firstDepth + q, firstColumn + column, blockDepth, Math.Min(packColumns, columns - column));
                    GemmPacking.PackB(block, packedB + ((nint)q * padded) + ((nint)column * blockDepth), alpha);
                }, ct);

                // Under a triangle the last rows are the longest: hand them out first. Elsewhere every thread has as many.
                int tasks = (c.Rows + taskRows - 1) / taskRows;
                if (!lowerOnly) tasks = RoundUp(tasks, threads);
                WorkerPool.Run(tasks, threads, task =>
                {
                    int index = lowerOnly ? tasks - 1 - task : task, row = Border(index, tasks), rows = Border(index + 1, tasks) - row;
                    int reach = lowerOnly ? Math.Clamp(row + rows - firstColumn, 0, columns) : columns;
                    if (rows == 0 || reach == 0) return;
                    int blockElements = RoundUp(taskRows, GemmBlocking<T>.TileRows) * GemmBlocking<T>.RowDistance;
                    using Scratch own = Scratch.Rent<T>(2L * blockElements);
                    PackAhead<TSource, T> ahead = PackAhead<TSource, T>.OfA(own.As<T>(), blockElements);
                    ahead.Begin(Block(0), 0);
                    for (int q = 0; q < depth; q += depthStep)
                    {
                        T* block = ahead.Finish();
                        int blockDepth = Math.Min(depthStep, depth - q);
                        if (q + depthStep < depth) ahead.Begin(Block(q + depthStep), MacroKernel.Tiles<T>(rows, reach));
                        T factor = firstDepth + q == 0 ? beta : T.One;
                        MacroKernel.Run(blockDepth, block, packedB + ((nint)q * padded), factor, c.Slice(row, firstColumn, rows, reach), ahead);
                    }

                    MatrixView<TSource> Block(int q) => a.Slice(row, firstDepth + q, rows, Math.Min(depthStep, depth - q));
                }, ct);
            }
        }
    }

    /// <summary>Shared A: every task takes some columns of B through the cache once.</summary>
    private void RunFlat()
    {
        int width = GemmBlocking<T>.TileColumns * TaskPanels, depthStep = GemmBlocking<T>.FlatDepth;
        int paddedRows = RoundUp(c.Rows, GemmBlocking<T>.TileRows);
        int blockElements = paddedRows * GemmBlocking<T>.RowDistance;
        int groupDepth = Math.Max(1, GemmBlocking<T>.SharedElements / blockElements) * depthStep;
        int groupSteps = (Math.Min(groupDepth, _depth) + depthStep - 1) / depthStep;
        using Scratch shared = Scratch.Rent<T>((long)blockElements * groupSteps);
        T* packedA = shared.As<T>();

        for (int p = 0; p < _depth; p += groupDepth)
        {
            int depth = Math.Min(groupDepth, _depth - p);
            int steps = (depth + depthStep - 1) / depthStep;
            int firstDepth = p;
            WorkerPool.Run(steps, threads, step =>
            {
                int q = step * depthStep;
                GemmPacking.PackA(a.Slice(0, firstDepth + q, c.Rows, Math.Min(depthStep, depth - q)), packedA + ((nint)step * blockElements));
            }, ct);

            // A task's strips of columns lie side by side, so that memory is left in longer stretches.
            int taskColumns = Math.Clamp(RoundUp(c.Columns / FlatTasks, width), width, MostStrips * width);
            WorkerPool.Run((c.Columns + taskColumns - 1) / taskColumns, threads, task =>
            {
                int column = task * taskColumns, columns = Math.Min(taskColumns, c.Columns - column), strips = (columns + width - 1) / width;
                int packedElements = width * depthStep;
                using Scratch own = Scratch.Rent<T>(2L * packedElements), aside = Scratch.Rent<T>(c.ColumnStride == 1 ? 1 : (long)c.Rows * columns);
                MatrixView<T> wanted = c.Slice(0, column, c.Rows, columns);
                MatrixView<T> target = c.ColumnStride == 1 ? wanted : new(aside.As<T>(), c.Rows, columns, columns, 1);
                T old = firstDepth > 0 ? T.One : beta;
                PackAhead<TSource, T> ahead = PackAhead<TSource, T>.OfB(alpha, own.As<T>(), packedElements);
                ahead.Begin(Block(0), 0);
                for (int part = 0; part < steps * strips; part++)
                {
                    T* block = ahead.Finish();
                    (int step, int strip) = Math.DivRem(part, strips);
                    MatrixView<T> tiles = target.Slice(0, strip * width, c.Rows, Math.Min(width, columns - (strip * width)));
                    if (part + 1 < steps * strips) ahead.Begin(Block(part + 1), MacroKernel.Tiles<T>(tiles.Rows, tiles.Columns));
                    T factor = step > 0 ? T.One : c.ColumnStride == 1 ? old : T.Zero;
                    MacroKernel.Run(Math.Min(depthStep, depth - (step * depthStep)), packedA + ((nint)step * blockElements), block, factor, tiles, ahead);
                }

                if (c.ColumnStride != 1) Transposing.Merge(target, old, wanted);

                MatrixView<TSource> Block(int part)
                {
                    (int step, int strip) = Math.DivRem(part, strips);
                    int q = step * depthStep, first = strip * width;
                    return b.Slice(firstDepth + q, column + first, Math.Min(depthStep, depth - q), Math.Min(width, columns - first));
                }
            }, ct);
        }
    }

    // Whole tiles, as even as they come; rounded upwards, so that no task has more rows than the largest may.
    private int Border(int index, int tasks) =>
        Math.Min(c.Rows, RoundUp((int)((long)c.Rows * index / tasks), GemmBlocking<T>.TileRows));

    private static int RoundUp(int value, int step) => (int)Math.Min(int.MaxValue, ((long)value + step - 1) / step * step);
}
