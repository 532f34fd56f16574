using System.Numerics;
using System.Runtime.CompilerServices;
using LowRankTools.Numerics.Kernels.Vectors;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>
/// e^x in vectors: x = n ln 2 + r with |r| at most ln 2 / 2, a polynomial for e^r - 1 and n added to the exponent. Within
/// two units in the last place; below the smallest normal number the result is 0, and past the largest it stays finite.
/// </summary>
internal static class Exponential
{
    // e^r = 1 + r + r^2 P(r). For float32 a Chebyshev fit of P, for float64 Taylor's coefficients.
    private static readonly double[] s_taylor =
    [
        1 / 6227020800.0, 1 / 479001600.0, 1 / 39916800.0, 1 / 3628800.0, 1 / 362880.0, 1 / 40320.0, 1 / 5040.0, 1 / 720.0,
        1 / 120.0, 1 / 24.0, 1 / 6.0, 0.5,
    ];

    /// <summary>e^x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Reduce<TSimd, TVector, T>(x, out TVector power, out TVector rest);
        TVector result = TSimd.MultiplyAdd(power, rest, power);
        return TSimd.IfLess(x, TSimd.Fill(Lowest<T>()), TSimd.Zero, result);
    }

    /// <summary>e^x - 1, accurate near 0 too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector ExpMinusOne<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Reduce<TSimd, TVector, T>(x, out TVector power, out TVector rest);
        return TSimd.MultiplyAdd(power, rest, TSimd.Subtract(power, TSimd.Fill(T.One)));
    }

    // e^x = power (1 + rest).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Reduce<TSimd, TVector, T>(TVector x, out TVector power, out TVector rest)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        bool single = typeof(T) == typeof(float);

        // NaN, as the second operand, survives both.
        x = TSimd.Larger(TSimd.Fill(Lowest<T>()), x);
        x = TSimd.Smaller(TSimd.Fill(T.CreateTruncating(single ? 88.37 : 709.4)), x);

        // Adding this much leaves n in the lowest bits of the mantissa.
        TVector shift = TSimd.Fill(T.CreateTruncating(single ? 12582912.0 : 6755399441055744.0));
        TVector shifted = TSimd.MultiplyAdd(x, TSimd.Fill(T.CreateTruncating(1.4426950408889634)), shift);
        TVector n = TSimd.Subtract(shifted, shift);

        // ln 2 in two pieces, the first with zeros at its end, so that n times it is exact.
        TVector r = TSimd.MultiplyAdd(n, TSimd.Fill(T.CreateTruncating(single ? -0.693359375 : -0.693147180369123816490)), x);
        r = TSimd.MultiplyAdd(n, TSimd.Fill(T.CreateTruncating(single ? 2.12194440054690583e-4 : -1.90821492927058770002e-10)), r);
        TVector p;
        if (single)
        {
            p = TSimd.Fill(T.CreateTruncating(0.0013933652080595493));
            p = TSimd.MultiplyAdd(p, r, TSimd.Fill(T.CreateTruncating(0.008363181725144386)));
            p = TSimd.MultiplyAdd(p, r, TSimd.Fill(T.CreateTruncating(0.04166646674275398)));
            p = TSimd.MultiplyAdd(p, r, TSimd.Fill(T.CreateTruncating(0.16666576266288757)));
            p = TSimd.MultiplyAdd(p, r, TSimd.Fill(T.CreateTruncating(0.5)));
        }
        else
        {
            p = TSimd.Zero;
            foreach (double coefficient in s_taylor) p = TSimd.MultiplyAdd(p, r, TSimd.Fill(T.CreateTruncating(coefficient)));
        }

        rest = TSimd.MultiplyAdd(TSimd.Multiply(r, r), p, r);
        power = TSimd.PowerOfTwo(shifted);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Lowest<T>()
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => T.CreateTruncating(typeof(T) == typeof(float) ? -87.33654 : -708.396);
}
