using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LowRankTools.Numerics.Kernels.Vectors;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>The loops over one row that a softmax is made of.</summary>
internal static unsafe class SoftmaxRow
{
    /// <summary>The largest entry; minus infinity of none.</summary>
    public static T Largest<T>(T* x, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) return Largest<Simd512<T>, Vector512<T>, T>(x, count);
        if (Vector256.IsHardwareAccelerated) return Largest<Simd256<T>, Vector256<T>, T>(x, count);
        return Vector128.IsHardwareAccelerated ? Largest<Simd128<T>, Vector128<T>, T>(x, count) : Largest<SimdScalar<T>, T, T>(x, count);
    }

    /// <summary>y = e^(x - shift), in place too, and the sum of y.</summary>
    public static T Exponentials<T>(T* x, T shift, T* y, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int done = 0;
        T sum = T.Zero;
        if (Vector512.IsHardwareAccelerated) done = Exponentials<Simd512<T>, Vector512<T>, T>(x, shift, y, 0, count, ref sum);
        else if (Vector256.IsHardwareAccelerated) done = Exponentials<Simd256<T>, Vector256<T>, T>(x, shift, y, 0, count, ref sum);
        else if (Vector128.IsHardwareAccelerated) done = Exponentials<Simd128<T>, Vector128<T>, T>(x, shift, y, 0, count, ref sum);
        if (done < count) Exponentials<SimdScalar<T>, T, T>(x, shift, y, done, count, ref sum);
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static T Largest<TSimd, TVector, T>(T* x, int count)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector a = TSimd.Fill(T.NegativeInfinity), b = a;
        int lanes = TSimd.Lanes, i = 0;
        for (; i <= count - (2 * lanes); i += 2 * lanes)
        {
            a = TSimd.Larger(TSimd.Load(x + i), a);
            b = TSimd.Larger(TSimd.Load(x + i + lanes), b);
        }

        T* parts = stackalloc T[lanes];
        TSimd.Store(TSimd.Larger(a, b), parts);
        T largest = parts[0];
        for (int k = 1; k < lanes; k++) largest = parts[k] > largest ? parts[k] : largest;
        for (; i < count; i++) largest = x[i] > largest ? x[i] : largest;
        return largest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Exponentials<TSimd, TVector, T>(T* x, T shift, T* y, int i, int count, ref T sum)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector minus = TSimd.Fill(shift), even = TSimd.Zero, odd = TSimd.Zero;
        int lanes = TSimd.Lanes;
        for (; i <= count - (2 * lanes); i += 2 * lanes)
        {
            TVector first = Exponential.Exp<TSimd, TVector, T>(TSimd.Subtract(TSimd.Load(x + i), minus));
            TVector second = Exponential.Exp<TSimd, TVector, T>(TSimd.Subtract(TSimd.Load(x + i + lanes), minus));
            TSimd.Store(first, y + i);
            TSimd.Store(second, y + i + lanes);
            even = TSimd.Add(even, first);
            odd = TSimd.Add(odd, second);
        }

        for (; i <= count - lanes; i += lanes)
        {
            TVector one = Exponential.Exp<TSimd, TVector, T>(TSimd.Subtract(TSimd.Load(x + i), minus));
            TSimd.Store(one, y + i);
            even = TSimd.Add(even, one);
        }

        sum += TSimd.Sum(TSimd.Add(even, odd));
        return i;
    }
}
