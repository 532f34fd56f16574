using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LowRankTools.Numerics.Kernels.Vectors;

/// <summary>Loops over one or two contiguous vectors: what the panels of the factorizations are made of.</summary>
internal static unsafe class VectorOps
{
    /// <summary>sum_i x[i] y[i].</summary>
    public static T Dot<T>(T* x, T* y, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) return Dot<Simd512<T>, Vector512<T>, T>(x, y, count);
        if (Vector256.IsHardwareAccelerated) return Dot<Simd256<T>, Vector256<T>, T>(x, y, count);
        return Vector128.IsHardwareAccelerated ? Dot<Simd128<T>, Vector128<T>, T>(x, y, count) : Dot<SimdScalar<T>, T, T>(x, y, count);
    }

    /// <summary>y += factor x.</summary>
    public static void AddScaled<T>(T factor, T* x, T* y, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) AddScaled<Simd512<T>, Vector512<T>, T>(factor, x, y, count);
        else if (Vector256.IsHardwareAccelerated) AddScaled<Simd256<T>, Vector256<T>, T>(factor, x, y, count);
        else if (Vector128.IsHardwareAccelerated) AddScaled<Simd128<T>, Vector128<T>, T>(factor, x, y, count);
        else AddScaled<SimdScalar<T>, T, T>(factor, x, y, count);
    }

    /// <summary>x *= factor.</summary>
    public static void Scale<T>(T factor, T* x, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) Scale<Simd512<T>, Vector512<T>, T>(factor, x, count);
        else if (Vector256.IsHardwareAccelerated) Scale<Simd256<T>, Vector256<T>, T>(factor, x, count);
        else if (Vector128.IsHardwareAccelerated) Scale<Simd128<T>, Vector128<T>, T>(factor, x, count);
        else Scale<SimdScalar<T>, T, T>(factor, x, count);
    }

    /// <summary>(x, y) = (cosine x - sine y, sine x + cosine y), entry by entry.</summary>
    public static void Rotate<T>(T* x, T* y, int count, T cosine, T sine)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) Rotate<Simd512<T>, Vector512<T>, T>(x, y, count, cosine, sine);
        else if (Vector256.IsHardwareAccelerated) Rotate<Simd256<T>, Vector256<T>, T>(x, y, count, cosine, sine);
        else if (Vector128.IsHardwareAccelerated) Rotate<Simd128<T>, Vector128<T>, T>(x, y, count, cosine, sine);
        else Rotate<SimdScalar<T>, T, T>(x, y, count, cosine, sine);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static T Dot<TSimd, TVector, T>(T* x, T* y, int count)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // Four sums, because one multiply-add takes four cycles and two of them start in each.
        TVector s0 = TSimd.Zero, s1 = TSimd.Zero, s2 = TSimd.Zero, s3 = TSimd.Zero;
        int lanes = TSimd.Lanes, i = 0;
        for (; i <= count - (4 * lanes); i += 4 * lanes)
        {
            s0 = TSimd.MultiplyAdd(TSimd.Load(x + i), TSimd.Load(y + i), s0);
            s1 = TSimd.MultiplyAdd(TSimd.Load(x + i + lanes), TSimd.Load(y + i + lanes), s1);
            s2 = TSimd.MultiplyAdd(TSimd.Load(x + i + (2 * lanes)), TSimd.Load(y + i + (2 * lanes)), s2);
            s3 = TSimd.MultiplyAdd(TSimd.Load(x + i + (3 * lanes)), TSimd.Load(y + i + (3 * lanes)), s3);
        }

        for (; i <= count - lanes; i += lanes) s0 = TSimd.MultiplyAdd(TSimd.Load(x + i), TSimd.Load(y + i), s0);
        T sum = TSimd.Sum(TSimd.Add(TSimd.Add(s0, s1), TSimd.Add(s2, s3)));
        for (; i < count; i++) sum += x[i] * y[i];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddScaled<TSimd, TVector, T>(T factor, T* x, T* y, int count)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector f = TSimd.Fill(factor);
        int lanes = TSimd.Lanes, i = 0;
        for (; i <= count - lanes; i += lanes) TSimd.Store(TSimd.MultiplyAdd(f, TSimd.Load(x + i), TSimd.Load(y + i)), y + i);
        for (; i < count; i++) y[i] += factor * x[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale<TSimd, TVector, T>(T factor, T* x, int count)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector f = TSimd.Fill(factor);
        int lanes = TSimd.Lanes, i = 0;
        for (; i <= count - lanes; i += lanes) TSimd.Store(TSimd.Multiply(f, TSimd.Load(x + i)), x + i);
        for (; i < count; i++) x[i] *= factor;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rotate<TSimd, TVector, T>(T* x, T* y, int count, T cosine, T sine)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector c = TSimd.Fill(cosine), s = TSimd.Fill(sine), minus = TSimd.Fill(-sine);
        int lanes = TSimd.Lanes, i = 0;
        for (; i <= count - lanes; i += lanes)
        {
            TVector u = TSimd.Load(x + i), v = TSimd.Load(y + i);
            TSimd.Store(TSimd.MultiplyAdd(minus, v, TSimd.Multiply(c, u)), x + i);
            TSimd.Store(TSimd.MultiplyAdd(s, u, TSimd.Multiply(c, v)), y + i);
        }

        for (; i < count; i++) (x[i], y[i]) = ((cosine * x[i]) - (sine * y[i]), (sine * x[i]) + (cosine * y[i]));
    }
}
