using System.Numerics;

namespace LowRankTools.Decompositions.Tensors;

/// <summary>Sums over many entries, in an order that depends on nothing but their number.</summary>
internal static class Sums
{
    // Entries in one partial sum: rounding grows with the longest chain of additions.
    private const int Chunk = 1 << 13;

    /// <summary>Sum of squares.</summary>
    public static double OfSquares(ReadOnlySpan<double> values) => OfProducts(values, values);

    /// <summary>Sum of products of corresponding entries.</summary>
    public static double OfProducts(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        double total = 0;
        for (int first = 0; first < x.Length; first += Chunk)
        {
            int count = Math.Min(Chunk, x.Length - first);
            total += Part(x.Slice(first, count), y.Slice(first, count));
        }
        return total;
    }

    /// <summary>Sum of squared differences.</summary>
    public static double OfSquaredDifferences(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        double total = 0, part = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double difference = x[i] - y[i];
            part += difference * difference;
            if ((i & (Chunk - 1)) != Chunk - 1)
                continue;
            total += part;
            part = 0;
        }
        return total + part;
    }

    private static double Part(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        Vector<double> low = Vector<double>.Zero, high = low;
        int width = Vector<double>.Count, i = 0;
        for (; i <= x.Length - (2 * width); i += 2 * width)
        {
            low += new Vector<double>(x[i..]) * new Vector<double>(y[i..]);
            high += new Vector<double>(x[(i + width)..]) * new Vector<double>(y[(i + width)..]);
        }
        double sum = Vector.Sum(low + high);
        for (; i < x.Length; i++)
            sum += x[i] * y[i];
        return sum;
    }
}
