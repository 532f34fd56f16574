using System.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>Work that is done between and during the tiles of a block.</summary>
internal abstract unsafe class PackAhead
{
    /// <summary>Most lines of memory that one tile asks for, one every <see cref="StepsALine"/> steps of its depth.</summary>
    public const int MostLines = 48;

    /// <summary>Steps of the micro-kernel from one line to the next.</summary>
    public const int StepsALine = 8;

    /// <summary>Bytes of a line of memory.</summary>
    public const int LineBytes = 64;

    /// <summary>Does a little of it.</summary>
    /// <param name="lines">Receives <see cref="MostLines"/> addresses that are worth fetching during the coming tile.</param>
    public abstract void Step(byte** lines);
}

/// <summary>
/// Packs the next block of the operand that is read once, a few rows before each tile of the present block, and asks
/// for the rows after them: what memory takes to deliver them passes in arithmetic.
/// </summary>
internal sealed unsafe class PackAhead<TSource, T> : PackAhead
    where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly bool _asB;
    private readonly T _alpha;
    private MatrixView<TSource> _block;
    private T* _target;
    private T* _spare;
    private int _next;
    private int _fetched;
    private int _rowsAStep;
    private bool _idle;

    private PackAhead(bool asB, T alpha, T* buffers, int blockElements)
    {
        (_asB, _alpha) = (asB, alpha);
        _target = buffers;
        _spare = buffers + blockElements;
    }

    /// <summary>Blocks become rows of A panels.</summary>
    /// <param name="buffers">Room for two packed blocks.</param>
    /// <param name="blockElements">Elements of one.</param>
    public static PackAhead<TSource, T> OfA(T* buffers, int blockElements) => new(asB: false, T.One, buffers, blockElements);

    /// <summary>Blocks become B panels, times alpha.</summary>
    /// <inheritdoc cref="OfA"/>
    public static PackAhead<TSource, T> OfB(T alpha, T* buffers, int blockElements) => new(asB: true, alpha, buffers, blockElements);

    /// <summary>Names the next block.</summary>
    /// <param name="block">The block, any strides; only contiguous rows can be packed a few at a time.</param>
    /// <param name="steps">How often <see cref="Step"/> will be called.</param>
    public void Begin(MatrixView<TSource> block, int steps)
    {
        (_block, _next) = (block, 0);
        _rowsAStep = block.ColumnStride == 1 && steps > 1 ? (block.Rows + steps - 2) / (steps - 1) : 0;
        (_fetched, _idle) = (0, false);
    }

    /// <inheritdoc/>
    public override void Step(byte** lines)
    {
        if (_idle) return;

        // What the tile before has fetched is in the cache by now.
        Pack(_next, _fetched);
        _next = _fetched;
        int end = Math.Min(_next + _rowsAStep, _block.Rows), bytes = _block.Columns * sizeof(TSource), count = 0;
        for (int i = _next; i < end; i++)
        {
            byte* row = (byte*)_block.Row(i);
            for (int offset = 0; offset < bytes && count < MostLines; offset += LineBytes) lines[count++] = row + offset;
        }

        for (; count < MostLines; count++) lines[count] = (byte*)_target;
        _idle = _next == _block.Rows || _rowsAStep == 0;
        _fetched = end;
    }

    /// <summary>Packs what is left of the block; it stays where it is until the next block but one begins.</summary>
    public T* Finish()
    {
        if (_block.ColumnStride == 1) Pack(_next, _block.Rows);
        else if (_asB) GemmPacking.PackB(_block, _target, T.One);
        else GemmPacking.PackA(_block, _target);
        (_next, _idle) = (_block.Rows, true);
        if (_asB) GemmPacking.ScaleB(_block, _target, _alpha);
        else GemmPacking.FillA(_block, _target);
        T* ready = _target;
        _target = _spare;
        _spare = ready;
        return ready;
    }

    private void Pack(int first, int end)
    {
        if (_asB) GemmPacking.PackRowsOfB(_block, _target, first, end);
        else GemmPacking.PackRowsOfA(_block, _target, first, end);
    }
}
