using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>
/// The sizes of the blocks, constants to the compiler once the element type is known. See docs/kernels.md for the
/// picture. All of them count elements.
/// </summary>
/// <typeparam name="T">float or double.</typeparam>
internal static class GemmBlocking<T>
    where T : unmanaged
{
    /// <summary>Depth of a packed block: a B panel of Depth x TileColumns stays in the first-level cache.</summary>
    public static int Depth
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256.IsHardwareAccelerated && Unsafe.SizeOf<T>() == 4 ? 384 : 256;
    }

    /// <summary>Depth where A is shared: two packed blocks of B and one of A stay in the second-level cache.</summary>
    public static int FlatDepth
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 192;
    }

    /// <summary>
    /// Distance between the rows of a packed A panel. One cache line more than Depth, so that the rows of a panel
    /// lie in different cache sets.
    /// </summary>
    public static int RowDistance
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Depth + (64 / Unsafe.SizeOf<T>());
    }

    /// <summary>Lanes of the widest vector in use.</summary>
    public static int Lanes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512.IsHardwareAccelerated ? 64 / Unsafe.SizeOf<T>() : Vector256.IsHardwareAccelerated ? 32 / Unsafe.SizeOf<T>() : 16 / Unsafe.SizeOf<T>();
    }

    /// <summary>Rows of the micro-kernel's tile: what fits into 32 or into 16 vector registers.</summary>
    public static int TileRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512.IsHardwareAccelerated ? MicroKernel512.Rows : Vector256.IsHardwareAccelerated ? MicroKernel256.Rows : MicroKernel128.Rows;
    }

    /// <summary>Columns of the micro-kernel's tile, two vectors.</summary>
    public static int TileColumns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * Lanes;
    }

    /// <summary>Rows of A that one task packs and multiplies; two blocks of them with Depth columns fit the second-level cache.</summary>
    public static int TaskRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512.IsHardwareAccelerated || Unsafe.SizeOf<T>() == 4 ? 96 : 48;
    }

    /// <summary>Elements of the packed B that all tasks share; it lives in the last-level cache.</summary>
    public static int SharedElements
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (8 << 20) / Unsafe.SizeOf<T>();
    }
}
