using System.Numerics;

namespace LowRankTools.Decompositions.Tensors;

/// <summary>Entry by entry products of short rows, which Khatri-Rao products and their contractions are made of.</summary>
internal static class RowProducts
{
    /// <summary>z = x y.</summary>
    public static void Multiply(ReadOnlySpan<double> x, ReadOnlySpan<double> y, Span<double> z)
    {
        int i = 0;
        for (; i <= x.Length - Vector<double>.Count; i += Vector<double>.Count)
            (new Vector<double>(x[i..]) * new Vector<double>(y[i..])).CopyTo(z[i..]);
        for (; i < x.Length; i++)
            z[i] = x[i] * y[i];
    }

    /// <summary>z += x y.</summary>
    public static void AddProduct(ReadOnlySpan<double> x, ReadOnlySpan<double> y, Span<double> z)
    {
        int i = 0;
        for (; i <= x.Length - Vector<double>.Count; i += Vector<double>.Count)
            (new Vector<double>(z[i..]) + (new Vector<double>(x[i..]) * new Vector<double>(y[i..]))).CopyTo(z[i..]);
        for (; i < x.Length; i++)
            z[i] += x[i] * y[i];
    }
}
