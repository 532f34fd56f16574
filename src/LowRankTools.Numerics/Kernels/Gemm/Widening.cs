using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>Contiguous copies that widen float32 to float64 where the types differ.</summary>
internal static unsafe class Widening
{
    /// <summary>target[i] = source[i] for i below <paramref name="count"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy<TSource, T>(TSource* source, T* target, int count)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int i = 0;
        if (typeof(TSource) == typeof(T))
        {
            if (Vector512.IsHardwareAccelerated)
            {
                for (; i <= count - Vector512<T>.Count; i += Vector512<T>.Count) Vector512.Load((T*)source + i).Store(target + i);
            }

            if (Vector256.IsHardwareAccelerated)
            {
                for (; i <= count - Vector256<T>.Count; i += Vector256<T>.Count) Vector256.Load((T*)source + i).Store(target + i);
            }

            for (; i <= count - Vector128<T>.Count; i += Vector128<T>.Count) Vector128.Load((T*)source + i).Store(target + i);
        }
        else if (typeof(TSource) == typeof(float) && typeof(T) == typeof(double))
        {
            for (; i <= count - 8; i += 8)
            {
                (Vector256<double> low, Vector256<double> high) = Vector256.Widen(Vector256.Load((float*)source + i));
                low.Store((double*)target + i);
                high.Store((double*)target + i + 4);
            }
        }

        for (; i < count; i++) target[i] = T.CreateTruncating(source[i]);
    }
}
