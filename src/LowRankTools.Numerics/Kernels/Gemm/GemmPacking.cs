using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Kernels.Gemm;

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
        if (a.ColumnStride == 1) PackRowsOfA(a, target, 0, a.Rows);
        else Transposing.Copy(a.Transpose(), target, GemmBlocking<T>.RowDistance);
        FillA(a, target);
    }

    /// <summary>Some rows of an A block whose rows are contiguous.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackRowsOfA<TSource, T>(MatrixView<TSource> a, T* target, int first, int end)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = first; i < end; i++) Widening.Copy(a.Row(i), target + ((nint)i * GemmBlocking<T>.RowDistance), a.Columns);
    }

    /// <summary>Zeros in the rows that fill up the last panel of A.</summary>
    public static void FillA<TSource, T>(MatrixView<TSource> a, T* target)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int padded = (a.Rows + GemmBlocking<T>.TileRows - 1) / GemmBlocking<T>.TileRows * GemmBlocking<T>.TileRows;
        for (int i = a.Rows; i < padded; i++) new Span<T>(target + ((nint)i * GemmBlocking<T>.RowDistance), a.Columns).Clear();
    }

    /// <summary>
    /// B block (depth x columns), times alpha, to panels of TileColumns columns: in a panel, the entries of one
    /// row are contiguous and rows follow each other. Columns that fill up the last panel are zero.
    /// </summary>
    public static void PackB<TSource, T>(MatrixView<TSource> b, T* target, T alpha)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (b.ColumnStride == 1)
        {
            PackRowsOfB(b, target, 0, b.Rows);
        }
        else
        {
            int width = GemmBlocking<T>.TileColumns, depth = b.Rows;
            for (int j = 0; j < b.Columns; j += width)
            {
                int columns = Math.Min(width, b.Columns - j);
                T* panel = target + ((nint)j * depth);
                if (columns < width) new Span<T>(panel, width * depth).Clear();
                Transposing.Copy(b.Slice(0, j, depth, columns).Transpose(), panel, width);
            }
        }

        ScaleB(b, target, alpha);
    }

    /// <summary>
    /// Some rows of a B block whose rows are contiguous. Memory is read as it lies; the panels are so many places to
    /// write to.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackRowsOfB<TSource, T>(MatrixView<TSource> b, T* target, int first, int end)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int width = GemmBlocking<T>.TileColumns, depth = b.Rows;
        int whole = b.Columns / width * width, rest = b.Columns - whole;
        for (int p = first; p < end; p++)
        {
            TSource* row = b.Row(p);
            T* to = target + ((nint)p * width);
            for (int j = 0; j < whole; j += width, to += (nint)width * depth) CopyTileRow(row + j, to);
            if (rest == 0) continue;
            Widening.Copy(row + whole, to, rest);
            new Span<T>(to + rest, width - rest).Clear();
        }
    }

    /// <summary>Multiplies a packed B block by alpha.</summary>
    public static void ScaleB<TSource, T>(MatrixView<TSource> b, T* target, T alpha)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int width = GemmBlocking<T>.TileColumns;
        if (alpha != T.One) VectorOps.Scale(alpha, target, (b.Columns + width - 1) / width * width * b.Rows);
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
        else if (typeof(TSource) == typeof(T) && Vector256.IsHardwareAccelerated)
        {
            Vector256.Load((T*)source).Store(target);
            Vector256.Load((T*)source + Vector256<T>.Count).Store(target + Vector256<T>.Count);
        }
        else
        {
            Widening.Copy(source, target, GemmBlocking<T>.TileColumns);
        }
    }
}
