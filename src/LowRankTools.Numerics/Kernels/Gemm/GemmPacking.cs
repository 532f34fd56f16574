using System.Numerics;

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
    public static void PackB<TSource, T>(MatrixView<TSource> b, T* target, T alpha)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int width = GemmBlocking<T>.TileColumns;
        for (int j = 0; j < b.Columns; j += width, target += (nint)width * b.Rows)
        {
            int columns = Math.Min(width, b.Columns - j);
            if (columns < width) new Span<T>(target, width * b.Rows).Clear();
            if (b.ColumnStride == 1)
            {
                for (int p = 0; p < b.Rows; p++) Widening.Copy(b.Row(p) + j, target + ((nint)p * width), columns);
            }
            else
            {
                Transposing.Copy(b.Slice(0, j, b.Rows, columns).Transpose(), target, width);
            }

            if (alpha != T.One) VectorOps.Scale(alpha, target, width * b.Rows);
        }
    }
}
