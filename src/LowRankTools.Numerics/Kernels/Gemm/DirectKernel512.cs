using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>
/// The AVX-512 tile of a thin product, float32: 8 rows of C and one to three vectors of columns, with A read where it
/// lies, because a packed copy would be used once only. A step loads at most 11 values for 24 multiply-adds.
/// </summary>
internal static unsafe class DirectKernel512
{
    /// <summary>Rows of the tile.</summary>
    public const int Rows = 8;

    /// <summary>Most vectors of columns.</summary>
    public const int MostVectors = 3;

    /// <summary>Number of vectors of a tile, a constant to the compiler.</summary>
    internal interface IWidth
    {
        static abstract int Vectors { get; }
    }

    /// <summary>C tile (+)= A B over <paramref name="depth"/> steps.</summary>
    /// <param name="depth">Columns of A, rows of B.</param>
    /// <param name="a">Entry (0, 0) of A.</param>
    /// <param name="aDistance">Elements between the rows of A, or between its columns if it is a transpose.</param>
    /// <param name="b">B, as many whole vectors a row as the tile has.</param>
    /// <param name="bDistance">Elements between the rows of B.</param>
    /// <param name="c">Tile of C.</param>
    /// <param name="cDistance">Elements between the rows of C.</param>
    /// <param name="overwrite">True to set C without reading it, false to add to it.</param>
    /// <param name="ahead">Elements from here to what is needed after this tile; fetched meanwhile.</param>
    // Never inlined: inside a large caller the budget for its own parts would run out.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Run<TWidth, TDirection>(int depth, float* a, nint aDistance, float* b, nint bDistance, float* c, nint cDistance, bool overwrite, nint ahead)
        where TWidth : struct, IWidth
        where TDirection : struct, IThinDirection
    {
        nint down = TDirection.AlongRows ? aDistance : 1, along = TDirection.AlongRows ? 1 : aDistance;
        Vector512<float> c00 = default, c01 = default, c02 = default, c10 = default, c11 = default, c12 = default;
        Vector512<float> c20 = default, c21 = default, c22 = default, c30 = default, c31 = default, c32 = default;
        Vector512<float> c40 = default, c41 = default, c42 = default, c50 = default, c51 = default, c52 = default;
        Vector512<float> c60 = default, c61 = default, c62 = default, c70 = default, c71 = default, c72 = default;
        if (!overwrite)
        {
            Load<TWidth>(c, out c00, out c01, out c02);
            Load<TWidth>(c + cDistance, out c10, out c11, out c12);
            Load<TWidth>(c + (2 * cDistance), out c20, out c21, out c22);
            Load<TWidth>(c + (3 * cDistance), out c30, out c31, out c32);
            Load<TWidth>(c + (4 * cDistance), out c40, out c41, out c42);
            Load<TWidth>(c + (5 * cDistance), out c50, out c51, out c52);
            Load<TWidth>(c + (6 * cDistance), out c60, out c61, out c62);
            Load<TWidth>(c + (7 * cDistance), out c70, out c71, out c72);
        }

        for (int k = 0; k < depth; k++, a += along, b += bDistance)
        {
            // Along rows every line of the next tile is met twice in 16 steps, along columns once a step.
            Sse.Prefetch1(a + ahead + (TDirection.AlongRows ? (k & (Rows - 1)) * down : 0));
            Vector512<float> b0 = Vector512.Load(b);
            Vector512<float> b1 = TWidth.Vectors > 1 ? Vector512.Load(b + 16) : default;
            Vector512<float> b2 = TWidth.Vectors > 2 ? Vector512.Load(b + 32) : default;
            Step<TWidth>(a[0], b0, b1, b2, ref c00, ref c01, ref c02);
            Step<TWidth>(a[down], b0, b1, b2, ref c10, ref c11, ref c12);
            Step<TWidth>(a[2 * down], b0, b1, b2, ref c20, ref c21, ref c22);
            Step<TWidth>(a[3 * down], b0, b1, b2, ref c30, ref c31, ref c32);
            Step<TWidth>(a[4 * down], b0, b1, b2, ref c40, ref c41, ref c42);
            Step<TWidth>(a[5 * down], b0, b1, b2, ref c50, ref c51, ref c52);
            Step<TWidth>(a[6 * down], b0, b1, b2, ref c60, ref c61, ref c62);
            Step<TWidth>(a[7 * down], b0, b1, b2, ref c70, ref c71, ref c72);
        }

        Store<TWidth>(c, c00, c01, c02);
        Store<TWidth>(c + cDistance, c10, c11, c12);
        Store<TWidth>(c + (2 * cDistance), c20, c21, c22);
        Store<TWidth>(c + (3 * cDistance), c30, c31, c32);
        Store<TWidth>(c + (4 * cDistance), c40, c41, c42);
        Store<TWidth>(c + (5 * cDistance), c50, c51, c52);
        Store<TWidth>(c + (6 * cDistance), c60, c61, c62);
        Store<TWidth>(c + (7 * cDistance), c70, c71, c72);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<TWidth>(float a, Vector512<float> b0, Vector512<float> b1, Vector512<float> b2, ref Vector512<float> c0, ref Vector512<float> c1, ref Vector512<float> c2)
        where TWidth : struct, IWidth
    {
        Vector512<float> x = Vector512.Create(a);
        c0 = Vector512.FusedMultiplyAdd(x, b0, c0);
        if (TWidth.Vectors > 1) c1 = Vector512.FusedMultiplyAdd(x, b1, c1);
        if (TWidth.Vectors > 2) c2 = Vector512.FusedMultiplyAdd(x, b2, c2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load<TWidth>(float* c, out Vector512<float> c0, out Vector512<float> c1, out Vector512<float> c2)
        where TWidth : struct, IWidth
    {
        c0 = Vector512.Load(c);
        c1 = TWidth.Vectors > 1 ? Vector512.Load(c + 16) : default;
        c2 = TWidth.Vectors > 2 ? Vector512.Load(c + 32) : default;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TWidth>(float* c, Vector512<float> c0, Vector512<float> c1, Vector512<float> c2)
        where TWidth : struct, IWidth
    {
        c0.Store(c);
        if (TWidth.Vectors > 1) c1.Store(c + 16);
        if (TWidth.Vectors > 2) c2.Store(c + 32);
    }

    internal readonly struct OneVector : IWidth
    {
        public static int Vectors => 1;
    }

    internal readonly struct TwoVectors : IWidth
    {
        public static int Vectors => 2;
    }

    internal readonly struct ThreeVectors : IWidth
    {
        public static int Vectors => 3;
    }
}
