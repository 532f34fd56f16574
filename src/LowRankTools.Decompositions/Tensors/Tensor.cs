using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Tensors;

/// <summary>
/// A dense tensor of float64 entries in native memory, first mode outermost, last mode fastest. Any cut of its modes into leading and
/// trailing ones is a matrix over the same memory, <see cref="Matricize"/>; that is why the algorithms need few copies.
/// </summary>
public sealed unsafe class Tensor : IDisposable
{
    private readonly Matrix<double> _storage;
    private readonly int[] _shape;

    /// <summary>Creates a tensor of zeros.</summary>
    /// <param name="shape">Sizes of the modes, at least one mode, none negative.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: no mode, a negative size, or more than 2^31 - 1 entries.</exception>
    public Tensor(params ReadOnlySpan<int> shape)
        : this(shape.ToArray(), new Matrix<double>(1, TensorShapes.Length(shape)))
    {
    }

    private Tensor(int[] shape, Matrix<double> storage)
    {
        _shape = shape;
        _storage = storage;
    }

    /// <summary>Sizes of the modes.</summary>
    public IReadOnlyList<int> Shape => _shape;

    /// <summary>Number of modes.</summary>
    public int Order => _shape.Length;

    /// <summary>Number of entries.</summary>
    public int Length => _storage.Columns;

    /// <summary>The entries in order, over the tensor's own memory.</summary>
    /// <exception cref="ObjectDisposedException">Disposed of.</exception>
    public Span<double> Values => _storage.Row(0);

    /// <summary>Creates a tensor whose entries are whatever the memory held; every entry must be written.</summary>
    /// <param name="shape">Sizes of the modes.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public static Tensor Uninitialized(params ReadOnlySpan<int> shape) =>
        new(shape.ToArray(), Matrix<double>.Uninitialized(1, TensorShapes.Length(shape)));

    /// <summary>Creates a tensor from its entries in order.</summary>
    /// <param name="values">Entries, last mode fastest.</param>
    /// <param name="shape">Sizes of the modes.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: other than as many values as the shape has entries.</exception>
    public static Tensor From(ReadOnlySpan<double> values, params ReadOnlySpan<int> shape)
    {
        Tensor tensor = ForValues(values.Length, shape);
        values.CopyTo(tensor.Values);
        return tensor;
    }

    /// <inheritdoc cref="From(ReadOnlySpan{double}, ReadOnlySpan{int})"/>
    public static Tensor From(ReadOnlySpan<float> values, params ReadOnlySpan<int> shape)
    {
        Tensor tensor = ForValues(values.Length, shape);
        Span<double> target = tensor.Values;
        for (int i = 0; i < target.Length; i++)
            target[i] = values[i];
        return tensor;
    }

    /// <summary>A copy of a matrix's entries under a shape of as many.</summary>
    /// <param name="matrix">Entries, row after row, any strides.</param>
    /// <param name="shape">Sizes of the modes.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public static Tensor From(MatrixView<double> matrix, params ReadOnlySpan<int> shape)
    {
        if (TensorShapes.Length(shape) != matrix.Length)
            throw TensorShapes.Mismatch($"{matrix.Length} values do not fill {TensorShapes.Text(shape)}.");
        Tensor tensor = Uninitialized(shape);
        matrix.CopyTo(tensor.AsMatrix(matrix.Rows, matrix.Columns));
        return tensor;
    }

    /// <summary>The tensor as a matrix over the same memory: the leading modes together are the rows, the others the columns.</summary>
    /// <param name="rowModes">How many modes make the rows, 0 to <see cref="Order"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are not as many modes.</exception>
    public MatrixView<double> Matricize(int rowModes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)rowModes, (uint)Order, nameof(rowModes));
        return AsMatrix(TensorShapes.Product(_shape.AsSpan(0, rowModes)), TensorShapes.Product(_shape.AsSpan(rowModes)));
    }

    /// <summary>The entries in order as a matrix over the same memory.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns; rows times columns is the length.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public MatrixView<double> AsMatrix(int rows, int columns)
    {
        if ((long)rows * columns != Length)
            throw TensorShapes.Mismatch($"{TensorShapes.Text(_shape)} is no {rows} x {columns} matrix.");
        return new MatrixView<double>(_storage.View.Pointer, rows, columns, columns, 1, _storage);
    }

    /// <summary>Sum of the squares of all entries.</summary>
    public double SquaredNorm() => Sums.OfSquares(Values);

    /// <summary>An independent copy under the same or another shape of the same length.</summary>
    /// <param name="shape">Sizes of the modes; none for the same.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public Tensor Copy(params ReadOnlySpan<int> shape) => From(Values, shape.IsEmpty ? _shape : shape);

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _storage.Dispose();

    private static Tensor ForValues(int count, ReadOnlySpan<int> shape)
    {
        if (TensorShapes.Length(shape) != count)
            throw TensorShapes.Mismatch($"{count} values do not fill {TensorShapes.Text(shape)}.");
        return Uninitialized(shape);
    }
}
