using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Memory;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>
/// Products with 9 to 128 columns, float32 on AVX-512 or AVX2: A is read straight from memory, once for every pass over
/// the columns, while the thin B stays in the second-level cache. Entries are summed in an order that depends on sizes only.
/// </summary>
internal static unsafe class ThinProduct
{
    // Columns come in one vector of AVX-512 or two of AVX2.
    private const int Lanes = 16;
    private const int MostColumns = 128;

    // Below these the big operand is not big enough for its copy to matter.
    private const int LeastRows = 32;
    private const int LeastDepth = 16;

    // Rows of C in one task.
    private const int TaskRows = 96;

    // Elements of B that are passed over at a time where rows of A are contiguous: half the second-level cache.
    private const int BlockElements = 1 << 17;

    // Most rows of B that are passed over at a time on AVX2, whose two vectors of them stay near the first-level cache.
    private const int MostSteps256 = 1024;

    // Columns between what is computed and what is fetched where columns of A are wanted.
    private const int FetchAhead = 96;

    // The parts of a transposed A, in whole tiles of either kernel and in whole cache lines.
    private const int PartGranule = 48;

    private static int Tile => Vector512.IsHardwareAccelerated ? DirectKernel512.Rows : DirectKernel256.Rows;

    // Rows of memory that are walked side by side where columns of A are wanted: as many lines as the sets of an
    // AVX-512 machine's second-level cache hold when their distance is a power of two.
    private const int PanelRows = 64;

    /// <summary>C = alpha A B + beta C when this is the way to do it; false when it is not.</summary>
    public static bool TryMultiply(float alpha, MatrixView<float> a, MatrixView<float> b, float beta, MatrixView<float> c, int threads, CancellationToken ct)
    {
        if (!(Vector512.IsHardwareAccelerated || Fma.IsSupported) || !Sse.IsSupported || c.Columns > MostColumns || c.Rows < LeastRows || a.Columns < LeastDepth) return false;
        bool alongRows = a.ColumnStride == 1;
        if (!alongRows && a.RowStride != 1) return false;

        int depth = a.Columns, width = (c.Columns + Lanes - 1) / Lanes * Lanes;
        bool inPlace = beta is 0 or 1 && c.ColumnStride == 1 && width == c.Columns;
        using Scratch thin = Scratch.Rent<float>((long)depth * width), target = Scratch.Rent<float>(inPlace ? 1 : (long)c.Rows * width);
        MatrixView<float> wide = new(thin.As<float>(), depth, width, width, 1), sum = inPlace ? c : new(target.As<float>(), c.Rows, width, width, 1);
        PackB(alpha, b, wide);
        bool add = inPlace && beta != 0;

        if (alongRows)
        {
            WorkerPool.Run((c.Rows + TaskRows - 1) / TaskRows, threads, task => TakeRows(a, wide, add, sum, task * TaskRows, Math.Min(c.Rows, (task + 1) * TaskRows)), ct);
        }
        else
        {
            // Long stretches of memory for each thread, and four for each, so that nobody waits long at the end.
            int parts = threads == 1 ? 1 : 4 * threads, step = ((c.Rows + parts - 1) / parts + PartGranule - 1) / PartGranule * PartGranule;
            WorkerPool.Run((c.Rows + step - 1) / step, threads, task =>
            {
                int first = task * step, end = Math.Min(c.Rows, first + step);
                if (Vector512.IsHardwareAccelerated) TakeColumns(a, wide, add, sum, first, end);
                else ThinColumns256.Run(a, wide, add, sum, first, end);
            }, ct);
        }

        if (!inPlace) Merge(sum, beta, c);
        return true;
    }

    // For AVX-512 the rows of B as they are, for AVX2 a panel of columns after another: always whole vectors.
    private static void PackB(float alpha, MatrixView<float> b, MatrixView<float> wide)
    {
        if (!Vector512.IsHardwareAccelerated)
        {
            GemmPacking.PackB(b, wide.Pointer, alpha);
            return;
        }

        if (b.Columns < wide.Columns) new Span<float>(wide.Pointer, checked((int)wide.Length)).Clear();
        if (b.ColumnStride == 1)
        {
            for (int p = 0; p < b.Rows; p++) Widening.Copy(b.Row(p), wide.Row(p), b.Columns);
        }
        else
        {
            Transposing.Copy(b.Transpose(), wide.Pointer, wide.RowStride);
        }

        if (alpha != 1) VectorOps.Scale(alpha, wide.Pointer, checked((int)wide.Length));
    }

    private static void TakeRows(MatrixView<float> a, MatrixView<float> b, bool add, MatrixView<float> c, int first, int end)
    {
        int step = Math.Max(BlockElements / b.Columns, 256);
        if (!Vector512.IsHardwareAccelerated) step = Math.Min(step, MostSteps256);
        using Scratch edge = Scratch.Rent<float>((long)Tile * (step + b.Columns));
        for (int p = 0; p < b.Rows; p += step)
        {
            int depth = Math.Min(step, b.Rows - p);
            bool overwrite = p == 0 && !add;
            for (int i = first; i < end; i += Tile)
            {
                float* from = a.Row(i) + p, tile = c.Row(i);
                int rows = Math.Min(Tile, end - i);
                if (rows == Tile)
                {
                    Tiles<AlongRows>(depth, from, a.RowStride, b, p, tile, c.RowStride, overwrite, Tile * a.RowStride);
                    continue;
                }

                // Rows that are not there are zero, and their sums fall beside C.
                float* copy = edge.As<float>(), sums = copy + (Tile * step);
                new Span<float>(copy, Tile * step).Clear();
                for (int r = 0; r < rows; r++) Widening.Copy(from + (r * a.RowStride), copy + (r * step), depth);
                Tiles<AlongRows>(depth, copy, step, b, p, sums, b.Columns, true, 0);
                AddRows(rows, b.Columns, sums, tile, c.RowStride, overwrite);
            }
        }
    }

    private static void TakeColumns(MatrixView<float> a, MatrixView<float> b, bool add, MatrixView<float> c, int first, int end)
    {
        nint distance = a.ColumnStride;
        using Scratch edge = Scratch.Rent<float>((long)Tile * (PanelRows + b.Columns));
        for (int p = 0; p < b.Rows; p += PanelRows)
        {
            int depth = Math.Min(PanelRows, b.Rows - p);
            bool overwrite = p == 0 && !add;
            for (int i = first; i < end; i += Tile)
            {
                float* from = a.Row(i) + (p * distance), tile = c.Row(i);
                int rows = Math.Min(Tile, end - i);
                if (rows == Tile)
                {
                    Tiles<AlongColumns>(depth, from, distance, b, p, tile, c.RowStride, overwrite, FetchAhead);
                    continue;
                }

                float* copy = edge.As<float>(), sums = copy + (Tile * PanelRows);
                new Span<float>(copy, Tile * PanelRows).Clear();
                for (int q = 0; q < depth; q++) Widening.Copy(from + (q * distance), copy + (q * Tile), rows);
                Tiles<AlongColumns>(depth, copy, Tile, b, p, sums, b.Columns, true, 0);
                AddRows(rows, b.Columns, sums, tile, c.RowStride, overwrite);
            }
        }
    }

    // All columns of one band of C.
    private static void Tiles<TDirection>(int depth, float* a, nint distance, MatrixView<float> b, int firstRow, float* c, nint cDistance, bool overwrite, nint ahead)
        where TDirection : struct, IThinDirection
    {
        if (Vector512.IsHardwareAccelerated) Tiles512<TDirection>(depth, a, distance, b, firstRow, c, cDistance, overwrite, ahead);
        else Tiles256<TDirection>(depth, a, distance, b, firstRow, c, cDistance, overwrite, ahead);
    }

    // The first panel fetches for all of them.
    private static void Tiles256<TDirection>(int depth, float* a, nint distance, MatrixView<float> b, int firstRow, float* c, nint cDistance, bool overwrite, nint ahead)
        where TDirection : struct, IThinDirection
    {
        float* panel = b.Pointer + ((nint)firstRow * DirectKernel256.Columns);
        for (int j = 0; j < b.Columns; j += DirectKernel256.Columns, panel += (nint)b.Rows * DirectKernel256.Columns)
            DirectKernel256.Run<TDirection>(depth, a, distance, panel, c + j, cDistance, overwrite, j == 0 ? ahead : 0);
    }

    // Up to three vectors at a time.
    private static void Tiles512<TDirection>(int depth, float* a, nint distance, MatrixView<float> b, int firstRow, float* c, nint cDistance, bool overwrite, nint ahead)
        where TDirection : struct, IThinDirection
    {
        float* from = b.Row(firstRow);
        for (int j = 0; j < b.Columns;)
        {
            int vectors = (b.Columns - j) / Lanes;

            // Four as two and two, which is faster than three and one.
            vectors = vectors == 4 ? 2 : Math.Min(vectors, DirectKernel512.MostVectors);
            if (vectors == 3) DirectKernel512.Run<DirectKernel512.ThreeVectors, TDirection>(depth, a, distance, from + j, b.RowStride, c + j, cDistance, overwrite, ahead);
            else if (vectors == 2) DirectKernel512.Run<DirectKernel512.TwoVectors, TDirection>(depth, a, distance, from + j, b.RowStride, c + j, cDistance, overwrite, ahead);
            else DirectKernel512.Run<DirectKernel512.OneVector, TDirection>(depth, a, distance, from + j, b.RowStride, c + j, cDistance, overwrite, ahead);
            j += vectors * Lanes;
        }
    }

    /// <summary>Sets or adds to some rows of C those of a whole tile that was computed beside it.</summary>
    internal static void AddRows(int rows, int columns, float* sums, float* c, nint distance, bool overwrite)
    {
        for (int r = 0; r < rows; r++, sums += columns, c += distance)
        {
            if (overwrite) Widening.Copy(sums, c, columns);
            else VectorOps.AddScaled(1f, sums, c, columns);
        }
    }

    private static void Merge(MatrixView<float> sum, float beta, MatrixView<float> c)
    {
        MatrixView<float> part = sum.Slice(0, 0, c.Rows, c.Columns);
        if (beta == 0)
        {
            if (c.RowStride == 1 && c.ColumnStride != 1) Transposing.Copy(part, c.Pointer, c.ColumnStride);
            else MatrixCopy.Copy(part, c);
            return;
        }

        if (c.ColumnStride == 1) AddAlong(part, beta, c);
        else if (c.RowStride == 1) ThroughTranspose(part, beta, c);
        else AddEntries(part, beta, c);
    }

    private static void AddAlong(MatrixView<float> part, float beta, MatrixView<float> c)
    {
        for (int i = 0; i < c.Rows; i++)
        {
            if (beta != 1) VectorOps.Scale(beta, c.Row(i), c.Columns);
            VectorOps.AddScaled(1f, part.Row(i), c.Row(i), c.Columns);
        }
    }

    private static void ThroughTranspose(MatrixView<float> part, float beta, MatrixView<float> c)
    {
        using Scratch scratch = Scratch.Rent<float>(c.Length);
        MatrixView<float> turned = new(scratch.As<float>(), c.Columns, c.Rows, c.Rows, 1);
        Transposing.Copy(part, turned.Pointer, turned.RowStride);
        AddAlong(turned, beta, c.Transpose());
    }

    private static void AddEntries(MatrixView<float> part, float beta, MatrixView<float> c)
    {
        for (int i = 0; i < c.Rows; i++)
        {
            for (int j = 0; j < c.Columns; j++)
            {
                float* target = c.Row(i) + (j * c.ColumnStride);
                *target = (beta * *target) + part.Row(i)[j];
            }
        }
    }
}
