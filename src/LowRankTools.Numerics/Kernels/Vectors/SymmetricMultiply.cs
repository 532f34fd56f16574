using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LowRankTools.Numerics.Kernels.Vectors;

/// <summary>
/// y += A x for symmetric A of which only the lower triangle is read, once: each entry serves its row and, mirrored,
/// its column. Bound by memory, so this is half the time of a general product.
/// </summary>
internal static unsafe class SymmetricMultiply
{
    /// <summary>Adds what rows <paramref name="first"/> to <paramref name="end"/> - 1 of the lower triangle contribute.</summary>
    /// <param name="a">Entry (0, 0), row-major.</param>
    /// <param name="distance">Elements between rows.</param>
    /// <param name="first">First row.</param>
    /// <param name="end">Row after the last.</param>
    /// <param name="x">Vector, end entries.</param>
    /// <param name="y">Sum, end entries.</param>
    public static void AddRows<T>(T* a, nint distance, int first, int end, T* x, T* y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int i = first;
        for (; i + 4 <= end; i += 4) FourRows(a + (i * distance), distance, i, x, y);
        for (; i < end; i++)
        {
            T* row = a + (i * distance);
            y[i] += VectorOps.Dot(row, x, i) + (row[i] * x[i]);
            VectorOps.AddScaled(x[i], row, y, i);
        }
    }

    private static void FourRows<T>(T* a, nint distance, int i, T* x, T* y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) FourRows<Simd512<T>, Vector512<T>, T>(a, distance, i, x, y);
        else if (Vector256.IsHardwareAccelerated) FourRows<Simd256<T>, Vector256<T>, T>(a, distance, i, x, y);
        else if (Vector128.IsHardwareAccelerated) FourRows<Simd128<T>, Vector128<T>, T>(a, distance, i, x, y);
        else FourRows<SimdScalar<T>, T, T>(a, distance, i, x, y);
    }

    // Lanes run along the columns 0 to i - 1; what is left, and the 4x4 corner on the diagonal, is done one by one.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourRows<TSimd, TVector, T>(T* a, nint distance, int i, T* x, T* y)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T* b = a + distance, c = b + distance, d = c + distance;
        TVector xa = TSimd.Fill(x[i]), xb = TSimd.Fill(x[i + 1]), xc = TSimd.Fill(x[i + 2]), xd = TSimd.Fill(x[i + 3]);
        TVector sa = TSimd.Zero, sb = TSimd.Zero, sc = TSimd.Zero, sd = TSimd.Zero;
        int lanes = TSimd.Lanes, j = 0;
        for (; j <= i - lanes; j += lanes)
        {
            TVector xj = TSimd.Load(x + j), yj = TSimd.Load(y + j);
            TVector av = TSimd.Load(a + j), bv = TSimd.Load(b + j), cv = TSimd.Load(c + j), dv = TSimd.Load(d + j);
            sa = TSimd.MultiplyAdd(av, xj, sa);
            sb = TSimd.MultiplyAdd(bv, xj, sb);
            sc = TSimd.MultiplyAdd(cv, xj, sc);
            sd = TSimd.MultiplyAdd(dv, xj, sd);
            yj = TSimd.MultiplyAdd(av, xa, yj);
            yj = TSimd.MultiplyAdd(bv, xb, yj);
            yj = TSimd.MultiplyAdd(cv, xc, yj);
            yj = TSimd.MultiplyAdd(dv, xd, yj);
            TSimd.Store(yj, y + j);
        }

        y[i] += TSimd.Sum(sa);
        y[i + 1] += TSimd.Sum(sb);
        y[i + 2] += TSimd.Sum(sc);
        y[i + 3] += TSimd.Sum(sd);
        for (int r = 0; r < 4; r++)
        {
            T* row = a + (r * distance);
            for (int q = j; q < i + r; q++)
            {
                y[i + r] += row[q] * x[q];
                y[q] += row[q] * x[i + r];
            }

            y[i + r] += row[i + r] * x[i + r];
        }
    }
}
