using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>
/// The AVX2 + FMA tile of a thin product, float32: 6 rows of C and two vectors of columns, with A read where it lies,
/// because a packed copy would be used a few times only. 12 of the 16 registers sum.
/// </summary>
internal static unsafe class DirectKernel256
{
    /// <summary>Rows of the tile.</summary>
    public const int Rows = 6;

    /// <summary>Columns of the tile.</summary>
    public const int Columns = 16;

    private const int LineElements = 16;

    /// <summary>C tile (+)= A B over <paramref name="depth"/> steps.</summary>
    /// <param name="depth">Columns of A, rows of B.</param>
    /// <param name="a">Entry (0, 0) of A.</param>
    /// <param name="aDistance">Elements between the rows of A, or between its columns if it is a transpose.</param>
    /// <param name="b">B, a packed panel: rows of <see cref="Columns"/> elements, one after another.</param>
    /// <param name="c">Tile of C.</param>
    /// <param name="cDistance">Elements between the rows of C.</param>
    /// <param name="overwrite">True to set C without reading it, false to add to it.</param>
    /// <param name="ahead">Along rows, elements from here to what is needed after this tile and is fetched meanwhile; 0 fetches nothing.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Run<TDirection>(int depth, float* a, nint aDistance, float* b, float* c, nint cDistance, bool overwrite, nint ahead)
        where TDirection : struct, IThinDirection
    {
        nint down = TDirection.AlongRows ? aDistance : 1, along = TDirection.AlongRows ? 1 : aDistance;
        nint threeDown = 3 * down, fiveDown = 5 * down;
        Vector256<float> c0l = default, c0r = default, c1l = default, c1r = default, c2l = default, c2r = default;
        Vector256<float> c3l = default, c3r = default, c4l = default, c4r = default, c5l = default, c5r = default;
        if (!overwrite) FetchRows(c, cDistance);
        while (depth > 0)
        {
            if (TDirection.AlongRows && ahead != 0) FetchRows(a + ahead, down);
            int steps = Math.Min(LineElements, depth);
            depth -= steps;
            for (; steps > 0; steps--, a += along, b += Columns)
            {
                Vector256<float> left = Vector256.Load(b), right = Vector256.Load(b + 8), x;
                x = Vector256.Create(*a);
                c0l = Vector256.FusedMultiplyAdd(x, left, c0l);
                c0r = Vector256.FusedMultiplyAdd(x, right, c0r);
                x = Vector256.Create(a[down]);
                c1l = Vector256.FusedMultiplyAdd(x, left, c1l);
                c1r = Vector256.FusedMultiplyAdd(x, right, c1r);
                x = Vector256.Create(a[2 * down]);
                c2l = Vector256.FusedMultiplyAdd(x, left, c2l);
                c2r = Vector256.FusedMultiplyAdd(x, right, c2r);
                x = Vector256.Create(a[threeDown]);
                c3l = Vector256.FusedMultiplyAdd(x, left, c3l);
                c3r = Vector256.FusedMultiplyAdd(x, right, c3r);
                x = Vector256.Create(a[4 * down]);
                c4l = Vector256.FusedMultiplyAdd(x, left, c4l);
                c4r = Vector256.FusedMultiplyAdd(x, right, c4r);
                x = Vector256.Create(a[fiveDown]);
                c5l = Vector256.FusedMultiplyAdd(x, left, c5l);
                c5r = Vector256.FusedMultiplyAdd(x, right, c5r);
            }
        }

        Store(c, c0l, c0r, overwrite);
        Store(c + cDistance, c1l, c1r, overwrite);
        Store(c + (2 * cDistance), c2l, c2r, overwrite);
        Store(c + (3 * cDistance), c3l, c3r, overwrite);
        Store(c + (4 * cDistance), c4l, c4r, overwrite);
        Store(c + (5 * cDistance), c5l, c5r, overwrite);
    }

    // One line of each row of a tile.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FetchRows(float* a, nint distance)
    {
        for (int row = 0; row < Rows; row++, a += distance) Sse.Prefetch0(a);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector256<float> left, Vector256<float> right, bool overwrite)
    {
        if (!overwrite)
        {
            left += Vector256.Load(c);
            right += Vector256.Load(c + 8);
        }

        left.Store(c);
        right.Store(c + 8);
    }
}
