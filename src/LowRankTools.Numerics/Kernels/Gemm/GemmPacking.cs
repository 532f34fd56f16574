using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LowRankTools.Numerics;

/// <summary>
/// Copies blocks of A and B into the order in which the micro-kernel walks them. This is where strides,
/// transposition, the factor alpha and the widening of float32 to float64 disappear.
/// </summary>
internal static unsafe class GemmPacking
{
    /// <summary>
    /// A block (rows x depth) to panels of TileRows rows, each row contiguous and RowDistance from the next. Rows
    /// that fill up the last panel are zero.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackA<TSource, T>(MatrixView<TSource> a, T* target)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int distance = GemmBlocking<T>.RowDistance;
        int padded = (a.Rows + GemmBlocking<T>.TileRows - 1) / GemmBlocking<T>.TileRows * GemmBlocking<T>.TileRows;
        if (a.ColumnStride == 1)
        {
            for (int i = 0; i < a.Rows; i++) Widening.Copy(a.Row(i), target + ((nint)i * distance), a.Columns);
        }
        else
        {
            Transposing.Copy(a.Transpose(), target, distance);
        }

        for (int i = a.Rows; i < padded; i++) new Span<T>(target + ((nint)i * distance), a.Columns).Clear();
    }

    /// <summary>
    /// B block (depth x columns), times alpha, to panels of TileColumns columns: in a panel, the entries of one
    /// row are contiguous and rows follow each other. Columns that fill up the last panel are zero.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackB<TSource, T>(MatrixView<TSource> b, T* target, T alpha)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int width = GemmBlocking<T>.TileColumns, depth = b.Rows;
        int whole = b.Columns / width * width, rest = b.Columns - whole;
        T* last = target + ((nint)whole * depth);
        if (rest > 0) new Span<T>(last, width * depth).Clear();
        if (b.ColumnStride == 1)
        {
            // Along the rows of B, so that memory is read as it lies; the panels are so many places to write to.
            for (int p = 0; p < depth; p++)
            {
                TSource* row = b.Row(p);
                T* to = target + ((nint)p * width);
                for (int j = 0; j < whole; j += width, to += (nint)width * depth) CopyTileRow(row + j, to);
                if (rest > 0) Widening.Copy(row + whole, to, rest);
            }
        }
        else
        {
            for (int j = 0; j < whole; j += width)
                Transposing.Copy(b.Slice(0, j, depth, width).Transpose(), target + ((nint)j * depth), width);
            Transposing.Copy(b.Slice(0, whole, depth, rest).Transpose(), last, width);
        }

        if (alpha != T.One) VectorOps.Scale(alpha, target, (whole + (rest > 0 ? width : 0)) * depth);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyTileRow<TSource, T>(TSource* source, T* target)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (typeof(TSource) == typeof(T) && Vector512.IsHardwareAccelerated)
        {
            Vector512.Load((T*)source).Store(target);
            Vector512.Load((T*)source + Vector512<T>.Count).Store(target + Vector512<T>.Count);
        }
        else
        {
            Widening.Copy(source, target, GemmBlocking<T>.TileColumns);
        }
    }
}
