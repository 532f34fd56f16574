using System.Numerics;

namespace LowRankTools.Numerics.Matrices;

/// <summary>
/// Somebody else's memory seen as rows x columns: entry (i, j) lies at
/// <c>Pointer[i * RowStride + j * ColumnStride]</c>. Transposing and slicing cost nothing; the kernels pack
/// strided operands directly, so nobody copies first.
/// </summary>
/// <typeparam name="T">Element type.</typeparam>
public readonly unsafe struct MatrixView<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Describes memory as a matrix.</summary>
    /// <param name="pointer">Entry (0, 0).</param>
    /// <param name="rows">Rows, 0 or more.</param>
    /// <param name="columns">Columns, 0 or more.</param>
    /// <param name="rowStride">Elements from one row to the next.</param>
    /// <param name="columnStride">Elements from one column to the next.</param>
    /// <param name="owner">Object that must stay alive while the memory is used; may be null.</param>
    public MatrixView(T* pointer, int rows, int columns, nint rowStride, nint columnStride, object? owner = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        Pointer = pointer;
        Rows = rows;
        Columns = columns;
        RowStride = rowStride;
        ColumnStride = columnStride;
        Owner = owner;
    }

    /// <summary>Entry (0, 0).</summary>
    public T* Pointer { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Elements from one row to the next.</summary>
    public nint RowStride { get; }

    /// <summary>Elements from one column to the next.</summary>
    public nint ColumnStride { get; }

    /// <summary>Object that keeps the memory alive, where there is one.</summary>
    public object? Owner { get; }

    /// <summary>Rows times columns.</summary>
    public long Length => (long)Rows * Columns;

    /// <summary>True when there is no entry at all.</summary>
    public bool IsEmpty => Rows == 0 || Columns == 0;

    /// <summary>The smaller side, the largest possible rank.</summary>
    public int SmallerSide => Math.Min(Rows, Columns);

    /// <summary>Gets or sets one entry.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside the view.</exception>
    public T this[int i, int j]
    {
        get => *At(i, j);
        set => *At(i, j) = value;
    }

    /// <summary>The transpose: columns x rows over the same memory.</summary>
    public MatrixView<T> Transpose() => new(Pointer, Columns, Rows, ColumnStride, RowStride, Owner);

    /// <summary>The block of <paramref name="rows"/> x <paramref name="columns"/> that starts at (firstRow, firstColumn).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The block sticks out of the view.</exception>
    public MatrixView<T> Slice(int firstRow, int firstColumn, int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfNegative(firstColumn);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, Rows - firstRow);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(columns, Columns - firstColumn);
        T* origin = Pointer + (firstRow * RowStride) + (firstColumn * ColumnStride);
        return new MatrixView<T>(origin, rows, columns, RowStride, ColumnStride, Owner);
    }

    /// <summary>Copies the entries into another view of the same shape.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public void CopyTo(MatrixView<T> target)
    {
        if (target.Rows != Rows || target.Columns != Columns)
            throw new ArgumentException($"{Rows}x{Columns} does not fit {target.Rows}x{target.Columns}.", nameof(target));

        MatrixCopy.Copy(this, target);
        KeepAlive();
        target.KeepAlive();
    }

    /// <summary>An independent contiguous copy.</summary>
    public Matrix<T> ToMatrix()
    {
        Matrix<T> copy = Matrix<T>.Uninitialized(Rows, Columns);
        CopyTo(copy.View);
        return copy;
    }

    internal T* Row(int i) => Pointer + (i * RowStride);

    internal void KeepAlive() => GC.KeepAlive(Owner);

    private T* At(int i, int j)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)i, (uint)Rows, nameof(i));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)j, (uint)Columns, nameof(j));
        return Pointer + (i * RowStride) + (j * ColumnStride);
    }
}
