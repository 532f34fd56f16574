using System.Collections.Immutable;

namespace LowRankTools.Formats.Tensors;

/// <summary>Overflow-safe arithmetic on shapes that come from untrusted headers.</summary>
public static class TensorShape
{
    /// <summary>More dimensions than any real model has; a guard against hostile headers.</summary>
    public const int MaxDimensions = 64;

    /// <summary>Product of the sizes; one for a scalar, zero where any size is zero.</summary>
    /// <exception cref="ModelFormatException"><c>ShapeOverflow</c>: a size is negative, there are more than
    /// <see cref="MaxDimensions"/>, or the product exceeds 2^60.</exception>
    public static long ElementCount(ImmutableArray<long> shape, string tensor)
    {
        if (shape.Length > MaxDimensions)
            throw Overflow(shape, tensor);
        long count = 1;
        bool empty = false;
        foreach (long size in shape)
        {
            if (size < 0)
                throw Overflow(shape, tensor);
            if (size == 0)
                empty = true;
            else if (count > (1L << 60) / size)
                throw Overflow(shape, tensor);
            else
                count *= size;
        }
        return empty ? 0 : count;
    }

    /// <summary>Bytes of <paramref name="elements"/> elements.</summary>
    /// <exception cref="ModelFormatException"><c>ShapeOverflow</c>: the size does not fit 64 bits.</exception>
    public static long ByteLength(TensorDType dtype, long elements, string tensor)
    {
        try
        {
            return dtype.ByteLength(elements);
        }
        catch (OverflowException e)
        {
            throw new ModelFormatException(FormatErrors.ShapeOverflow,
                $"Tensor '{tensor}' of {elements} elements is larger than any file.", tensor: tensor, inner: e);
        }
    }

    private static ModelFormatException Overflow(ImmutableArray<long> shape, string tensor) =>
        new(FormatErrors.ShapeOverflow,
            $"Tensor '{tensor}' has an impossible shape [{string.Join(", ", shape.Take(MaxDimensions))}].", tensor: tensor);
}
