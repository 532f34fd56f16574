using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>
/// The AVX2 + FMA tile: 6 rows x 2 vectors (6x16 float32, 6x8 float64). 12 of the 16 registers sum, two hold a row
/// of B, one the broadcast entry of A.
/// </summary>
internal static unsafe class MicroKernel256
{
    /// <summary>Rows of the tile.</summary>
    public const int Rows = 6;

    /// <summary>
    /// C (Rows x 2 vectors) = beta C + A B over <paramref name="depth"/> steps, one rank-1 update a step.
    /// </summary>
    /// <param name="depth">Columns of the A panel, rows of the B panel.</param>
    /// <param name="a">A panel: Rows rows, GemmBlocking.RowDistance apart.</param>
    /// <param name="b">B panel: two vectors a step, aligned.</param>
    /// <param name="c">Tile of C, row-major.</param>
    /// <param name="cDistance">Distance between the rows of C.</param>
    /// <param name="beta">0 overwrites without reading.</param>
    /// <param name="lines">Lines of memory to fetch meanwhile, one every PackAhead.StepsALine steps.</param>
    /// <param name="next">Memory to fetch as well, a line after another in the same steps: a share of the next panel of B.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<T>(int depth, T* a, T* b, T* c, nint cDistance, T beta, byte** lines, byte* next)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int distance = GemmBlocking<T>.RowDistance;
        int lanes = Vector256<T>.Count;
        Vector256<T> c0l = Vector256<T>.Zero, c0r = Vector256<T>.Zero;
        Vector256<T> c1l = Vector256<T>.Zero, c1r = Vector256<T>.Zero;
        Vector256<T> c2l = Vector256<T>.Zero, c2r = Vector256<T>.Zero;
        Vector256<T> c3l = Vector256<T>.Zero, c3r = Vector256<T>.Zero;
        Vector256<T> c4l = Vector256<T>.Zero, c4r = Vector256<T>.Zero;
        Vector256<T> c5l = Vector256<T>.Zero, c5r = Vector256<T>.Zero;
        FetchTile(c, cDistance);
        T* end = a + depth;
        while (a < end)
        {
            if (Sse.IsSupported)
            {
                Sse.Prefetch0(*lines++);
                Sse.Prefetch1(next);
                next += PackAhead.LineBytes;
            }

            T* pause = a + Math.Min(PackAhead.StepsALine, (int)(end - a));
            for (; a < pause; a++, b += 2 * lanes)
            {
                Vector256<T> left = Vector256.Load(b), right = Vector256.Load(b + lanes), x;
                x = Vector256.Create(*a);
                c0l = MultiplyAdd(x, left, c0l);
                c0r = MultiplyAdd(x, right, c0r);
                x = Vector256.Create(a[distance]);
                c1l = MultiplyAdd(x, left, c1l);
                c1r = MultiplyAdd(x, right, c1r);
                x = Vector256.Create(a[2 * distance]);
                c2l = MultiplyAdd(x, left, c2l);
                c2r = MultiplyAdd(x, right, c2r);
                x = Vector256.Create(a[3 * distance]);
                c3l = MultiplyAdd(x, left, c3l);
                c3r = MultiplyAdd(x, right, c3r);
                x = Vector256.Create(a[4 * distance]);
                c4l = MultiplyAdd(x, left, c4l);
                c4r = MultiplyAdd(x, right, c4r);
                x = Vector256.Create(a[5 * distance]);
                c5l = MultiplyAdd(x, left, c5l);
                c5r = MultiplyAdd(x, right, c5r);
            }
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
    }

    // A tile takes thousands of cycles: C is there at its end.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FetchTile<T>(T* c, nint cDistance)
        where T : unmanaged
    {
        if (!Sse.IsSupported) return;
        for (int i = 0; i < Rows; i++)
        {
            Sse.Prefetch0(c + (i * cDistance));
            Sse.Prefetch0(c + (i * cDistance) + (2 * Vector256<T>.Count) - 1);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<T>(T* c, Vector256<T> left, Vector256<T> right, T beta)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // beta = 0 must not read C: it may hold NaN or fresh memory.
        if (!T.IsZero(beta))
        {
            Vector256<T> factor = Vector256.Create(beta);
            left = MultiplyAdd(factor, Vector256.Load(c), left);
            right = MultiplyAdd(factor, Vector256.Load(c + Vector256<T>.Count), right);
        }

        left.Store(c);
        right.Store(c + Vector256<T>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> MultiplyAdd<T>(Vector256<T> x, Vector256<T> y, Vector256<T> sum)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        typeof(T) == typeof(float)
            ? Vector256.FusedMultiplyAdd(x.AsSingle(), y.AsSingle(), sum.AsSingle()).As<float, T>()
            : Vector256.FusedMultiplyAdd(x.AsDouble(), y.AsDouble(), sum.AsDouble()).As<double, T>();
}
