using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LowRankTools.Numerics;

/// <summary>
/// Thin products of a transposed A on AVX2: its first-level cache holds few lines whose distance is a power of two, so
/// small blocks of A are copied into it, some rows of the next block before each tile of the present one.
/// </summary>
internal sealed unsafe class ThinColumns256
{
    private const int Tile = DirectKernel256.Rows;

    // A block: rows of memory (steps of the product) and columns, in whole tiles and cache lines.
    private const int Depth = 128;
    private const int Width = 48;
    private const int BlockElements = Depth * Width;
    private const int LineElements = 16;

    private readonly MatrixView<float> _a;
    private readonly MatrixView<float> _panels;
    private readonly MatrixView<float> _c;
    private float* _present;
    private float* _next;

    private ThinColumns256(MatrixView<float> a, MatrixView<float> panels, MatrixView<float> c, float* buffers)
    {
        (_a, _panels, _c) = (a, panels, c);
        _present = buffers;
        _next = buffers + BlockElements;
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
        using Scratch buffers = Scratch.Rent<float>((2 * BlockElements) + (Tile * c.Columns));
        new ThinColumns256(a, panels, c, buffers.As<float>()).Run(add, first, end);
    }

    private void Run(bool add, int first, int end)
    {
        int depth = _panels.Rows, across = (end - first + Width - 1) / Width, blocks = (depth + Depth - 1) / Depth * across;
        float* sums = _present + (2 * BlockElements);
        MatrixView<float> block = Block(0);
        Copy(block, 0, block.Columns);
        for (int number = 0; number < blocks; number++)
        {
            float* free = _present;
            _present = _next;
            _next = free;
            MatrixView<float> following = number + 1 < blocks ? Block(number + 1) : default;
            Multiply(block, following, number / across * Depth, number >= across || add, first + (number % across * Width), sums);
            block = following;
        }

        // Rows of C, steps: as A lies, its columns are the rows of memory.
        MatrixView<float> Block(int number)
        {
            int row = first + (number % across * Width), step = number / across * Depth;
            return _a.Slice(row, step, Math.Min(Width, end - row), Math.Min(Depth, depth - step));
        }
    }

    private void Multiply(MatrixView<float> block, MatrixView<float> following, int step, bool add, int row, float* sums)
    {
        int tiles = (block.Rows + Tile - 1) / Tile * (_panels.Columns / DirectKernel256.Columns);
        int share = (following.Columns + tiles - 1) / tiles, copied = 0;
        for (int i = 0; i < block.Rows; i += Tile)
        {
            float* panel = _panels.Pointer + ((nint)step * DirectKernel256.Columns);
            int rows = Math.Min(Tile, block.Rows - i);
            for (int j = 0; j < _panels.Columns; j += DirectKernel256.Columns, panel += (nint)_panels.Rows * DirectKernel256.Columns)
            {
                int upTo = Math.Min(copied + share, following.Columns);
                Copy(following, copied, upTo);
                Fetch(following, upTo, Math.Min(upTo + share, following.Columns));
                copied = upTo;
                float* tile = _c.Row(row + i) + j;
                if (rows == Tile)
                {
                    DirectKernel256.Run<AlongColumns>(block.Columns, _present + i, Width, panel, tile, _c.RowStride, !add, 0);
                    continue;
                }

                DirectKernel256.Run<AlongColumns>(block.Columns, _present + i, Width, panel, sums, DirectKernel256.Columns, true, 0);
                ThinProduct.AddRows(rows, DirectKernel256.Columns, sums, tile, _c.RowStride, !add);
            }
        }
    }

    // Columns that are not there stay what they were: their sums fall beside C.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Copy(MatrixView<float> block, int first, int end)
    {
        float* to = _next + (first * Width);
        for (int p = first; p < end; p++, to += Width)
        {
            float* from = block.Pointer + (p * block.ColumnStride);
            if (block.Rows < Width)
            {
                Widening.Copy(from, to, block.Rows);
                continue;
            }

            Vector256.Load(from).Store(to);
            Vector256.Load(from + 8).Store(to + 8);
            Vector256.Load(from + 16).Store(to + 16);
            Vector256.Load(from + 24).Store(to + 24);
            Vector256.Load(from + 32).Store(to + 32);
            Vector256.Load(from + 40).Store(to + 40);
        }
    }

    private static void Fetch(MatrixView<float> block, int first, int end)
    {
        for (int p = first; p < end; p++)
        {
            float* from = block.Pointer + (p * block.ColumnStride);
            for (int offset = 0; offset < block.Rows; offset += LineElements) Sse.Prefetch0(from + offset);
        }
    }
}
