using LowRankTools.Numerics.Engines;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <summary>
/// A tensor of the TorchSharp engine: memory of libtorch and a way to look at it. Only what owns the memory holds a
/// handle of libtorch, so that views, which nobody disposes of, keep nothing alive.
/// </summary>
internal sealed class TorchTensor : ITensor
{
    private readonly Tensor _memory;
    private readonly bool _owns;
    private readonly int[] _shape;
    private readonly long[] _strides;
    private readonly long _offset;

    private TorchTensor(Tensor memory, bool owns, int[] shape, long[] strides, long offset)
    {
        (_memory, _owns, _shape, _strides, _offset) = (memory, owns, shape, strides, offset);
        Length = shape.Aggregate(1L, (product, size) => product * size);
    }

    /// <inheritdoc/>
    public ElementType ElementType => _memory.dtype == ScalarType.Float32 ? ElementType.Float32 : ElementType.Float64;

    /// <inheritdoc/>
    public IReadOnlyList<int> Shape => _shape;

    /// <inheritdoc/>
    public long Length { get; }

    /// <summary>Takes over a fresh tensor that shares its memory with no other.</summary>
    public static TorchTensor Own(Tensor fresh) =>
        new(fresh.DetachFromDisposeScope(), owns: true, [.. fresh.shape.Select(size => checked((int)size))], fresh.stride(), 0);

    /// <summary>A view of libtorch's kind; it goes with the current dispose scope.</summary>
    public Tensor Open() => _memory.as_strided([.. _shape.Select(size => (long)size)], _strides, _offset);

    /// <summary>All entries in the order in which they lie in memory; null where there are gaps between them.</summary>
    public Tensor? OpenFlat()
    {
        long step = 1;
        foreach ((int size, long stride) in _shape.Zip(_strides).Where(d => d.First != 1).OrderBy(d => d.Second))
        {
            if (stride != step) return null;
            step *= size;
        }

        return _memory.as_strided([Length], [1], _offset);
    }

    /// <summary>The transpose of a matrix, which takes the memory along when this owns it and <paramref name="move"/> says so.</summary>
    public TorchTensor Transposed(bool move = false) => new(_memory, move && _owns, [_shape[1], _shape[0]], [_strides[1], _strides[0]], _offset);

    /// <summary>Entries first to first + count - 1 of the first dimension.</summary>
    public TorchTensor Sliced(int first, int count) =>
        new(_memory, owns: false, [count, .. _shape.Skip(1)], _strides, _offset + (first * _strides[0]));

    /// <summary>The first dimension x all others of a contiguous tensor.</summary>
    public TorchTensor Flattened()
    {
        int rows = _shape.Length == 0 ? 1 : _shape[0], columns = checked((int)_shape.Skip(1).Aggregate(1L, (product, size) => product * size));
        return new(_memory, owns: false, [rows, columns], [columns, 1], _offset);
    }

    /// <summary>A contiguous tensor under another shape of as many entries; null for one that is not contiguous.</summary>
    public TorchTensor? Viewed(ReadOnlySpan<int> shape)
    {
        long step = 1;
        for (int i = _shape.Length - 1; i >= 0; step *= _shape[i--])
        {
            if (_shape[i] > 1 && _strides[i] != step) return null;
        }

        long[] strides = new long[shape.Length];
        step = 1;
        for (int i = shape.Length - 1; i >= 0; step *= shape[i--]) strides[i] = step;
        return new(_memory, owns: false, shape.ToArray(), strides, _offset);
    }

    /// <summary>Frees the memory when this owns it; views of it must not be used afterwards.</summary>
    public void Dispose()
    {
        if (_owns) _memory.Dispose();
    }
}
