using System.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Engines;

/// <summary>A tensor of the embedded engine: a matrix view of the first dimension x all others, and the shape.</summary>
internal abstract class EmbeddedTensor(int[] shape, IDisposable? owned) : ITensor
{
    public abstract ElementType ElementType { get; }

    public IReadOnlyList<int> Shape => shape;

    public long Length => LengthOf(shape);

    /// <summary>What it frees: its memory, or nothing where it is a view of another's.</summary>
    public IDisposable? Owned => owned;

    /// <summary>Frees the memory when this tensor owns it; views of it must not be used afterwards.</summary>
    public void Dispose() => owned?.Dispose();

    public static long LengthOf(ReadOnlySpan<int> shape)
    {
        long length = 1;
        foreach (int size in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(size, nameof(shape));
            length = checked(length * size);
        }

        return length;
    }

    /// <summary>Columns of the matrix view: the product of all sizes but the first.</summary>
    public static int ColumnsOf(ReadOnlySpan<int> shape) => shape.IsEmpty ? 1 : checked((int)LengthOf(shape[1..]));
}

/// <inheritdoc/>
internal sealed class EmbeddedTensor<T>(int[] shape, MatrixView<T> view, IDisposable? owned) : EmbeddedTensor(shape, owned)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public override ElementType ElementType => typeof(T) == typeof(float) ? ElementType.Float32 : ElementType.Float64;

    public MatrixView<T> View => view;

    public static EmbeddedTensor<T> Over(Matrix<T> matrix, params ReadOnlySpan<int> shape) =>
        new(shape.IsEmpty ? [matrix.Rows, matrix.Columns] : shape.ToArray(), matrix.View, matrix);
}
