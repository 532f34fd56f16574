using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>
/// The AVX2 + FMA tile of a thin product with a transposed A, float32: 3 rows of C and four vectors of columns, so that
/// 32 columns take each entry of A once. Meanwhile it copies or fetches what is needed later. 12 of the 16 registers sum.
/// </summary>
internal static unsafe class ColumnKernel256
{
    /// <summary>Rows of the tile.</summary>
    public const int Rows = 3;

    /// <summary>Columns of the tile, two packed panels.</summary>
    public const int Columns = 2 * PanelColumns;

    /// <summary>Columns of A, side by side in memory, that are copied or fetched at a time.</summary>
    public const int Width = 48;

    /// <summary>Steps of the product for each row of memory that is copied or fetched.</summary>
    public const int StepsPerCopy = 16;

    private const int PanelColumns = 16;
    private const int LineElements = 16;

    // Lines whose distance is a power of two share the few places of one set, and two of them are in use.
    private const int FetchAhead = 2;

    /// <summary>C tile (+)= A B over <paramref name="depth"/> steps.</summary>
    /// <param name="depth">Columns of A, rows of B.</param>
    /// <param name="a">Entry (0, 0) of A, whose columns are contiguous.</param>
    /// <param name="distance">Elements between the columns of A.</param>
    /// <param name="left">The first panel of B: rows of 16 elements, one after another.</param>
    /// <param name="right">The second panel.</param>
    /// <param name="c">Tile of C.</param>
    /// <param name="cDistance">Elements between the rows of C.</param>
    /// <param name="overwrite">True to set C without reading it, false to add to it.</param>
    /// <param name="later">What is needed later: a row of memory for every <see cref="StepsPerCopy"/> steps.</param>
    /// <param name="laterDistance">Elements between those rows.</param>
    /// <param name="copy">Where those rows are copied, <see cref="Width"/> elements each, one after another; null to fetch them only.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Run(int depth, float* a, nint distance, float* left, float* right, float* c, nint cDistance, bool overwrite, float* later, nint laterDistance, float* copy)
    {
        Vector256<float> c00 = default, c01 = default, c02 = default, c03 = default;
        Vector256<float> c10 = default, c11 = default, c12 = default, c13 = default;
        Vector256<float> c20 = default, c21 = default, c22 = default, c23 = default;
        while (depth > 0)
        {
            if (copy != null)
            {
                Vector256.Load(later).Store(copy);
                Vector256.Load(later + 8).Store(copy + 8);
                Vector256.Load(later + 16).Store(copy + 16);
                Vector256.Load(later + 24).Store(copy + 24);
                Vector256.Load(later + 32).Store(copy + 32);
                Vector256.Load(later + 40).Store(copy + 40);
                copy += Width;
                Sse.Prefetch1(later + Width);
                Sse.Prefetch1(later + Width + LineElements);
                Sse.Prefetch1(later + Width + (2 * LineElements));
            }
            else
            {
                Sse.Prefetch1(later);
                Sse.Prefetch1(later + LineElements);
                Sse.Prefetch1(later + (2 * LineElements));
            }

            later += laterDistance;
            int steps = Math.Min(StepsPerCopy, depth);
            depth -= steps;
            for (; steps > 0; steps--, a += distance, left += PanelColumns, right += PanelColumns)
            {
                Sse.Prefetch0(a + (FetchAhead * distance));
                Vector256<float> x0 = Vector256.Create(*a), x1 = Vector256.Create(a[1]), x2 = Vector256.Create(a[2]);
                Vector256<float> y = Vector256.Load(left);
                c00 = Vector256.FusedMultiplyAdd(x0, y, c00);
                c10 = Vector256.FusedMultiplyAdd(x1, y, c10);
                c20 = Vector256.FusedMultiplyAdd(x2, y, c20);
                y = Vector256.Load(left + 8);
                c01 = Vector256.FusedMultiplyAdd(x0, y, c01);
                c11 = Vector256.FusedMultiplyAdd(x1, y, c11);
                c21 = Vector256.FusedMultiplyAdd(x2, y, c21);
                y = Vector256.Load(right);
                c02 = Vector256.FusedMultiplyAdd(x0, y, c02);
                c12 = Vector256.FusedMultiplyAdd(x1, y, c12);
                c22 = Vector256.FusedMultiplyAdd(x2, y, c22);
                y = Vector256.Load(right + 8);
                c03 = Vector256.FusedMultiplyAdd(x0, y, c03);
                c13 = Vector256.FusedMultiplyAdd(x1, y, c13);
                c23 = Vector256.FusedMultiplyAdd(x2, y, c23);
            }
        }

        Store(c, c00, c01, c02, c03, overwrite);
        Store(c + cDistance, c10, c11, c12, c13, overwrite);
        Store(c + (2 * cDistance), c20, c21, c22, c23, overwrite);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector256<float> v0, Vector256<float> v1, Vector256<float> v2, Vector256<float> v3, bool overwrite)
    {
        if (!overwrite)
        {
            v0 += Vector256.Load(c);
            v1 += Vector256.Load(c + 8);
            v2 += Vector256.Load(c + 16);
            v3 += Vector256.Load(c + 24);
        }

        v0.Store(c);
        v1.Store(c + 8);
        v2.Store(c + 16);
        v3.Store(c + 24);
    }
}
