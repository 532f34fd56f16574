using System.Collections.Immutable;

namespace LowRankTools.Formats.PyTorch;

/// <summary>
/// Sizes and strides of a view with all that does not matter taken out: dimensions of one element, and
/// neighbours that can be walked as one. Contiguous tensors have at most one dimension left.
/// </summary>
internal sealed class StridedLayout
{
    private readonly long[] _sizes;
    private readonly long[] _strides;

    /// <summary>Reduces a shape without empty dimensions.</summary>
    public StridedLayout(IReadOnlyList<long> sizes, IReadOnlyList<long> strides)
    {
        List<long> mergedSizes = [];
        List<long> mergedStrides = [];
        for (int i = 0; i < sizes.Count; i++)
        {
            if (sizes[i] == 1)
                continue;
            if (mergedSizes.Count > 0 && mergedStrides[^1] / sizes[i] == strides[i] && mergedStrides[^1] % sizes[i] == 0)
            {
                mergedSizes[^1] *= sizes[i];
                mergedStrides[^1] = strides[i];
                continue;
            }
            mergedSizes.Add(sizes[i]);
            mergedStrides.Add(strides[i]);
        }
        _sizes = [.. mergedSizes];
        _strides = [.. mergedStrides];
    }

    /// <summary>Dimensions left.</summary>
    public int Dimensions => _sizes.Length;

    /// <summary>Whether the elements lie one behind the other.</summary>
    public bool IsContiguous => Dimensions == 0 || (Dimensions == 1 && _strides[0] == 1);

    /// <summary>Elements of the fastest dimension.</summary>
    public long RowLength => Dimensions == 0 ? 1 : _sizes[^1];

    /// <summary>Elements of the storage from one element of a row to the next.</summary>
    public long RowStride => Dimensions == 0 ? 1 : _strides[^1];

    /// <summary>Where the row lies that holds element <paramref name="element"/> of the tensor, relative to the first element.</summary>
    public long RowStart(long element)
    {
        long row = element / RowLength;
        long start = 0;
        for (int d = Dimensions - 2; d >= 0; d--)
        {
            start += row % _sizes[d] * _strides[d];
            row /= _sizes[d];
        }
        return start;
    }

    /// <summary>Elements from the first to one past the last that a view touches; zero where a size is zero.</summary>
    /// <exception cref="OverflowException">It does not fit 64 bits.</exception>
    public static long Extent(ImmutableArray<long> sizes, IReadOnlyList<long> strides)
    {
        if (sizes.Contains(0))
            return 0;
        long last = 0;
        for (int i = 0; i < sizes.Length; i++)
            last = checked(last + (sizes[i] - 1) * strides[i]);
        return checked(last + 1);
    }
}
