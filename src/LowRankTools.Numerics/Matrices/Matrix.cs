using System.Numerics;
using LowRankTools.Numerics.Memory;

namespace LowRankTools.Numerics.Matrices;

/// <summary>
/// A dense matrix of rows x columns, row-major and contiguous, in 64-byte aligned native memory: the garbage
/// collector neither moves nor scans it, and a matrix of a billion entries is no different from a small one.
/// </summary>
/// <typeparam name="T">Element type; the kernels know <see cref="float"/> and <see cref="double"/>.</typeparam>
public sealed unsafe class Matrix<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly nuint _capacity;
    private T* _pointer;

    /// <summary>Creates a matrix of zeros.</summary>
    /// <param name="rows">Rows, 0 or more.</param>
    /// <param name="columns">Columns, 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative size.</exception>
    /// <exception cref="OutOfMemoryException">The memory is not there.</exception>
    public Matrix(int rows, int columns)
        : this(rows, columns, zeroed: true)
    {
    }

    private Matrix(int rows, int columns, bool zeroed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        Rows = rows;
        Columns = columns;
        nuint bytes = checked((nuint)Length * (nuint)sizeof(T));
        (nint pointer, _capacity) = zeroed ? NativePool.RentZeroed(bytes) : NativePool.Rent(bytes);
        _pointer = (T*)pointer;
    }

    /// <summary>Frees memory that nobody disposed of.</summary>
    ~Matrix() => Free();

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns; also the distance between rows, in elements.</summary>
    public int Columns { get; }

    /// <summary>Rows times columns.</summary>
    public long Length => (long)Rows * Columns;

    /// <summary>First element; null once disposed. Keep the matrix itself reachable while using it.</summary>
    public T* Pointer => _pointer;

    /// <summary>The whole matrix as a view.</summary>
    public MatrixView<T> View => new(Live(), Rows, Columns, Columns, 1, this);

    /// <summary>The transpose (columns x rows) as a view of the same memory.</summary>
    public MatrixView<T> Transposed => View.Transpose();

    /// <summary>Gets or sets the entry of row <paramref name="i"/> and column <paramref name="j"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside the matrix.</exception>
    public T this[int i, int j]
    {
        get => *At(i, j);
        set => *At(i, j) = value;
    }

    /// <summary>Creates a matrix whose entries are whatever the memory held; every entry must be written.</summary>
    /// <param name="rows">Rows, 0 or more.</param>
    /// <param name="columns">Columns, 0 or more.</param>
    public static Matrix<T> Uninitialized(int rows, int columns) => new(rows, columns, zeroed: false);

    /// <summary>Creates a matrix from row-major values.</summary>
    /// <exception cref="ArgumentException">The number of values is not rows x columns.</exception>
    public static Matrix<T> From(int rows, int columns, ReadOnlySpan<T> values)
    {
        if (values.Length != (long)rows * columns)
            throw new ArgumentException($"{values.Length} values do not fill {rows}x{columns}.", nameof(values));

        Matrix<T> matrix = Uninitialized(rows, columns);
        values.CopyTo(new Span<T>(matrix._pointer, values.Length));
        return matrix;
    }

    /// <summary>Row <paramref name="i"/> as a span over the matrix's own memory.</summary>
    public Span<T> Row(int i) => RowBlock(i, 1);

    /// <summary>Rows <paramref name="first"/> to first + count - 1 as one span, row after row.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Rows outside the matrix.</exception>
    /// <exception cref="OverflowException">More entries than a span can hold.</exception>
    public Span<T> RowBlock(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Rows - first);
        return new Span<T>(Live() + ((nint)first * Columns), checked((int)((long)count * Columns)));
    }

    /// <summary>A copy of the entries, row-major.</summary>
    public T[] ToArray() => RowBlock(0, Rows).ToArray();

    /// <summary>An independent copy.</summary>
    public Matrix<T> Copy()
    {
        Matrix<T> copy = Uninitialized(Rows, Columns);
        Buffer.MemoryCopy(Live(), copy._pointer, Length * sizeof(T), Length * sizeof(T));
        return copy;
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private T* Live()
    {
        ObjectDisposedException.ThrowIf(_pointer is null, this);
        return _pointer;
    }

    private T* At(int i, int j)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)i, (uint)Rows, nameof(i));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)j, (uint)Columns, nameof(j));
        return Live() + ((nint)i * Columns) + j;
    }

    private void Free()
    {
        if (_pointer is null) return;
        NativePool.Return((nint)_pointer, _capacity);
        _pointer = null;
    }
}
