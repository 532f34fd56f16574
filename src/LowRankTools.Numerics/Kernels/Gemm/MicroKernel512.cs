using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>
/// The AVX-512 tile: 12 rows x 2 vectors (12x32 float32, 12x16 float64). 24 of the 32 registers sum, two hold a row
/// of B, one the broadcast entry of A. Every step loads 14 values for 24 multiply-adds, below the two loads a cycle
/// that keep two multiply-adders busy.
/// </summary>
internal static unsafe class MicroKernel512
{
    /// <summary>Rows of the tile.</summary>
    public const int Rows = 12;

    /// <summary>
    /// C (Rows x 2 vectors) = beta C + A B over <paramref name="depth"/> steps, one rank-1 update a step.
    /// </summary>
    /// <param name="depth">Columns of the A panel, rows of the B panel.</param>
    /// <param name="a">A panel: Rows rows, GemmBlocking.RowDistance apart.</param>
    /// <param name="b">B panel: two vectors a step, aligned.</param>
    /// <param name="c">Tile of C, row-major.</param>
    /// <param name="cDistance">Distance between the rows of C.</param>
    /// <param name="beta">0 overwrites without reading.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Run<T>(int depth, T* a, T* b, T* c, nint cDistance, T beta)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int distance = GemmBlocking<T>.RowDistance;
        int lanes = Vector512<T>.Count;
        Vector512<T> c0l = Vector512<T>.Zero, c0r = Vector512<T>.Zero;
        Vector512<T> c1l = Vector512<T>.Zero, c1r = Vector512<T>.Zero;
        Vector512<T> c2l = Vector512<T>.Zero, c2r = Vector512<T>.Zero;
        Vector512<T> c3l = Vector512<T>.Zero, c3r = Vector512<T>.Zero;
        Vector512<T> c4l = Vector512<T>.Zero, c4r = Vector512<T>.Zero;
        Vector512<T> c5l = Vector512<T>.Zero, c5r = Vector512<T>.Zero;
        Vector512<T> c6l = Vector512<T>.Zero, c6r = Vector512<T>.Zero;
        Vector512<T> c7l = Vector512<T>.Zero, c7r = Vector512<T>.Zero;
        Vector512<T> c8l = Vector512<T>.Zero, c8r = Vector512<T>.Zero;
        Vector512<T> c9l = Vector512<T>.Zero, c9r = Vector512<T>.Zero;
        Vector512<T> c10l = Vector512<T>.Zero, c10r = Vector512<T>.Zero;
        Vector512<T> c11l = Vector512<T>.Zero, c11r = Vector512<T>.Zero;
        Prefetch(c, cDistance);
        T* end = a + depth;
        for (; a < end; a++, b += 2 * lanes)
        {
            Vector512<T> left = Vector512.Load(b), right = Vector512.Load(b + lanes), x;
            x = Vector512.Create(*a);
            c0l = MultiplyAdd(x, left, c0l);
            c0r = MultiplyAdd(x, right, c0r);
            x = Vector512.Create(a[distance]);
            c1l = MultiplyAdd(x, left, c1l);
            c1r = MultiplyAdd(x, right, c1r);
            x = Vector512.Create(a[2 * distance]);
            c2l = MultiplyAdd(x, left, c2l);
            c2r = MultiplyAdd(x, right, c2r);
            x = Vector512.Create(a[3 * distance]);
            c3l = MultiplyAdd(x, left, c3l);
            c3r = MultiplyAdd(x, right, c3r);
            x = Vector512.Create(a[4 * distance]);
            c4l = MultiplyAdd(x, left, c4l);
            c4r = MultiplyAdd(x, right, c4r);
            x = Vector512.Create(a[5 * distance]);
            c5l = MultiplyAdd(x, left, c5l);
            c5r = MultiplyAdd(x, right, c5r);
            x = Vector512.Create(a[6 * distance]);
            c6l = MultiplyAdd(x, left, c6l);
            c6r = MultiplyAdd(x, right, c6r);
            x = Vector512.Create(a[7 * distance]);
            c7l = MultiplyAdd(x, left, c7l);
            c7r = MultiplyAdd(x, right, c7r);
            x = Vector512.Create(a[8 * distance]);
            c8l = MultiplyAdd(x, left, c8l);
            c8r = MultiplyAdd(x, right, c8r);
            x = Vector512.Create(a[9 * distance]);
            c9l = MultiplyAdd(x, left, c9l);
            c9r = MultiplyAdd(x, right, c9r);
            x = Vector512.Create(a[10 * distance]);
            c10l = MultiplyAdd(x, left, c10l);
            c10r = MultiplyAdd(x, right, c10r);
            x = Vector512.Create(a[11 * distance]);
            c11l = MultiplyAdd(x, left, c11l);
            c11r = MultiplyAdd(x, right, c11r);
        }

        Store(c, c0l, c0r, beta);
        c += cDistance;
        Store(c, c1l, c1r, beta);
        c += cDistance;
        Store(c, c2l, c2r, beta);
        c += cDistance;
        Store(c, c3l, c3r, beta);
        c += cDistance;
        Store(c, c4l, c4r, beta);
        c += cDistance;
        Store(c, c5l, c5r, beta);
        c += cDistance;
        Store(c, c6l, c6r, beta);
        c += cDistance;
        Store(c, c7l, c7r, beta);
        c += cDistance;
        Store(c, c8l, c8r, beta);
        c += cDistance;
        Store(c, c9l, c9r, beta);
        c += cDistance;
        Store(c, c10l, c10r, beta);
        c += cDistance;
        Store(c, c11l, c11r, beta);
    }

    // The tile of C is wanted thousands of cycles from now, when the sums are done: fetch it meanwhile.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch<T>(T* c, nint distance)
        where T : unmanaged
    {
        if (!Sse.IsSupported) return;
        for (int i = 0; i < Rows; i++, c += distance)
        {
            Sse.Prefetch0(c);
            Sse.Prefetch0(c + Vector512<T>.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<T>(T* c, Vector512<T> left, Vector512<T> right, T beta)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // beta = 0 must not read C: it may hold NaN or fresh memory.
        if (!T.IsZero(beta))
        {
            Vector512<T> factor = Vector512.Create(beta);
            left = MultiplyAdd(factor, Vector512.Load(c), left);
            right = MultiplyAdd(factor, Vector512.Load(c + Vector512<T>.Count), right);
        }

        left.Store(c);
        right.Store(c + Vector512<T>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<T> MultiplyAdd<T>(Vector512<T> x, Vector512<T> y, Vector512<T> sum)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        typeof(T) == typeof(float)
            ? Vector512.FusedMultiplyAdd(x.AsSingle(), y.AsSingle(), sum.AsSingle()).As<float, T>()
            : Vector512.FusedMultiplyAdd(x.AsDouble(), y.AsDouble(), sum.AsDouble()).As<double, T>();
}
