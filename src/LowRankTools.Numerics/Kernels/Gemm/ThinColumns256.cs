using System.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Memory;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>
/// Thin products of a transposed A on AVX2, which walk down the columns of memory: a group of columns, three cache lines
/// wide, and some steps of the product at a time. Where the rows' distance sends their lines into few sets of the
/// first-level cache, the next group is copied together while the present one is multiplied.
/// </summary>
internal sealed unsafe class ThinColumns256
{
    private const int Width = ColumnKernel256.Width;

    // Steps of the product in one block.
    private const int Depth = 96;
    private const int BlockElements = Depth * Width;

    // The first-level cache: bytes between lines of one set. A distance that leaves fewer sets than this wants copies.
    private const int SetPeriod = 4096;
    private const int FewestSets = 4;
    private const int LineBytes = 64;

    private readonly MatrixView<float> _a;
    private readonly MatrixView<float> _panels;
    private readonly MatrixView<float> _c;
    private readonly bool _add;
    private readonly bool _copies;
    private readonly float* _sums;
    private float* _present;
    private float* _next;

    private ThinColumns256(MatrixView<float> a, MatrixView<float> panels, bool add, MatrixView<float> c, float* buffers)
    {
        (_a, _panels, _add, _c) = (a, panels, add, c);
        _copies = Sets(a.ColumnStride * sizeof(float) / LineBytes) < FewestSets;
        _present = buffers;
        _next = buffers + BlockElements;
        _sums = _next + BlockElements;
    }

    /// <summary>Rows <paramref name="first"/> to <paramref name="end"/> of C (+)= A B.</summary>
    /// <param name="a">A, its columns contiguous.</param>
    /// <param name="panels">B, packed: panels of DirectKernel256.Columns columns.</param>
    /// <param name="add">False to overwrite C.</param>
    /// <param name="c">C, rows contiguous, whole panels wide.</param>
    /// <param name="first">First row.</param>
    /// <param name="end">End of the rows.</param>
    public static void Run(MatrixView<float> a, MatrixView<float> panels, bool add, MatrixView<float> c, int first, int end)
    {
        using Scratch buffers = Scratch.Rent<float>((2 * BlockElements) + (DirectKernel256.Rows * ColumnKernel256.Columns));
        var product = new ThinColumns256(a, panels, add, c, buffers.As<float>());
        for (int step = 0; step < panels.Rows; step += Depth) product.Steps(step, Math.Min(Depth, panels.Rows - step), first, end);
    }

    // Sets that lines fall into which are so many lines apart: as many as there are, a power of two, over what both share.
    private static int Sets(nint lines) => (SetPeriod / LineBytes) >> Math.Min(BitOperations.TrailingZeroCount(lines), BitOperations.Log2(SetPeriod / LineBytes));

    private void Steps(int step, int depth, int first, int end)
    {
        bool ready = false;
        for (int row = first; row < end; row += Width)
        {
            int rows = Math.Min(Width, end - row);
            bool direct = !_copies && rows == Width;
            if (!direct && !ready) Copy(step, depth, row, rows);

            // Entries beyond A may be fetched, but not copied.
            bool copies = _copies && _panels.Columns >= ColumnKernel256.Columns && depth == Depth && row + (2 * Width) <= end;
            float* later = row + Width < end ? At(step, row + Width) : At(step + depth, first);
            Pairs(direct ? At(step, row) : _present, direct ? _a.ColumnStride : Width, step, depth, row, rows, later, copies ? _next : null);
            if (_panels.Columns % ColumnKernel256.Columns != 0) LastPanel(direct ? At(step, row) : _present, direct ? _a.ColumnStride : Width, step, depth, row, rows);
            if (copies) Swap();
            ready = copies;
        }
    }

    private void Swap()
    {
        float* free = _present;
        _present = _next;
        _next = free;
    }

    private void Copy(int step, int depth, int row, int rows)
    {
        for (int p = 0; p < depth; p++)
        {
            Widening.Copy(At(step + p, row), _present + (p * Width), rows);
            new Span<float>(_present + (p * Width) + rows, Width - rows).Clear();
        }
    }

    private void Pairs(float* a, nint distance, int step, int depth, int row, int rows, float* later, float* copy)
    {
        int copied = (depth + ColumnKernel256.StepsPerCopy - 1) / ColumnKernel256.StepsPerCopy;
        for (int j = 0; j + ColumnKernel256.Columns <= _panels.Columns; j += ColumnKernel256.Columns)
        {
            float* left = Panel(step, j), right = Panel(step, j + DirectKernel256.Columns);
            for (int i = 0; i < rows; i += ColumnKernel256.Rows)
            {
                float* tile = _c.Row(row + i) + j;
                bool whole = i + ColumnKernel256.Rows <= rows;
                ColumnKernel256.Run(depth, a + i, distance, left, right, whole ? tile : _sums, whole ? _c.RowStride : ColumnKernel256.Columns, !whole || Overwrites(step), later, _a.ColumnStride, copy);
                if (!whole) ThinProduct.AddRows(rows - i, ColumnKernel256.Columns, _sums, tile, _c.RowStride, Overwrites(step));
                later += copied * _a.ColumnStride;
                if (copy != null) copy += copied * Width;
            }

            // The first pass has fetched and copied for all.
            later = a;
            copy = null;
        }
    }

    private void LastPanel(float* a, nint distance, int step, int depth, int row, int rows)
    {
        int j = _panels.Columns - DirectKernel256.Columns;
        for (int i = 0; i < rows; i += DirectKernel256.Rows)
        {
            float* tile = _c.Row(row + i) + j;
            bool whole = i + DirectKernel256.Rows <= rows;
            DirectKernel256.Run<AlongColumns>(depth, a + i, distance, Panel(step, j), whole ? tile : _sums, whole ? _c.RowStride : DirectKernel256.Columns, !whole || Overwrites(step), 0);
            if (!whole) ThinProduct.AddRows(rows - i, DirectKernel256.Columns, _sums, tile, _c.RowStride, Overwrites(step));
        }
    }

    // A's columns are rows of memory.
    private float* At(int step, int row) => _a.Pointer + row + (step * _a.ColumnStride);

    private float* Panel(int step, int column) => _panels.Pointer + ((nint)column * _panels.Rows) + ((nint)step * DirectKernel256.Columns);

    private bool Overwrites(int step) => step == 0 && !_add;
}
