using LowRankTools.Numerics;

namespace LowRankTools.Decompositions.Tensors;

/// <summary>Arithmetic with the sizes of modes.</summary>
internal static class TensorShapes
{
    /// <summary>Entries of a tensor.</summary>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: no mode, a negative size, or more entries than an index can count.</exception>
    public static int Length(ReadOnlySpan<int> shape)
    {
        if (shape.IsEmpty)
            throw Mismatch("A tensor has at least one mode.");
        // Zero first: no product may overflow on the way to it.
        if (shape.Contains(0))
            return 0;
        long length = 1;
        foreach (int size in shape)
        {
            if (size < 0)
                throw Mismatch($"{Text(shape)} has a negative size.");
            length *= size;
            if (length > int.MaxValue)
                throw Mismatch($"{Text(shape)} has more than {int.MaxValue} entries.");
        }
        return (int)length;
    }

    /// <summary>Product of sizes; 1 for none.</summary>
    public static int Product(ReadOnlySpan<int> sizes)
    {
        int product = 1;
        foreach (int size in sizes)
            product = checked(product * size);
        return product;
    }

    /// <summary>What lies before a mode, its size, and what lies after it.</summary>
    public static (int Before, int Size, int After) Around(IReadOnlyList<int> shape, int mode)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)mode, (uint)shape.Count, nameof(mode));
        int[] sizes = [.. shape];
        return (Product(sizes.AsSpan(0, mode)), sizes[mode], Product(sizes.AsSpan(mode + 1)));
    }

    /// <summary>A shape for people.</summary>
    public static string Text(ReadOnlySpan<int> shape) => $"({string.Join(" x ", shape.ToArray())})";

    /// <summary>The error of shapes that do not go together.</summary>
    public static LowRankToolsException Mismatch(string message) => new("ShapesDoNotMatch", message, "Check the shapes.");
}
