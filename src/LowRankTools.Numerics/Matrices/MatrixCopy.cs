using System.Numerics;

namespace LowRankTools.Numerics.Matrices;

/// <summary>Copies and conversions between strided views, tile by tile so that a transposition stays in cache.</summary>
internal static unsafe class MatrixCopy
{
    private const int Tile = 32, ShortRow = 8;

    public static void Copy<T>(MatrixView<T> source, MatrixView<T> target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (target.ColumnStride != 1 && target.RowStride == 1)
        {
            Copy(source.Transpose(), target.Transpose());
            return;
        }

        if (source.ColumnStride == 1 && target.ColumnStride == 1)
        {
            if (source.Columns <= ShortRow)
            {
                // Calling for each of such short rows costs more than copying them.
                CopyTiles<T, T>(source, target);
                return;
            }
            long bytes = (long)source.Columns * sizeof(T);
            for (int i = 0; i < source.Rows; i++)
                Buffer.MemoryCopy(source.Row(i), target.Row(i), bytes, bytes);
            return;
        }

        if (source.RowStride == 1 && target.ColumnStride == 1) Transposing.Copy(source.Transpose(), target.Pointer, target.RowStride);
        else CopyTiles<T, T>(source, target);
    }

    public static void Convert<TFrom, TTo>(MatrixView<TFrom> source, MatrixView<TTo> target)
        where TFrom : unmanaged, IBinaryFloatingPointIeee754<TFrom>
        where TTo : unmanaged, IBinaryFloatingPointIeee754<TTo>
    {
        if (source.ColumnStride != 1 || target.ColumnStride != 1)
        {
            CopyTiles(source, target);
            return;
        }
        for (int i = 0; i < source.Rows; i++)
            ConvertRow(source.Row(i), target.Row(i), source.Columns);
    }

    // Whole vectors where one type is twice as wide as the other; rounding is that of a cast.
    private static void ConvertRow<TFrom, TTo>(TFrom* from, TTo* to, int count)
        where TFrom : unmanaged, IBinaryFloatingPointIeee754<TFrom>
        where TTo : unmanaged, IBinaryFloatingPointIeee754<TTo>
    {
        int j = 0;
        if (typeof(TFrom) == typeof(float) && typeof(TTo) == typeof(double))
        {
            for (; j <= count - Vector<float>.Count; j += Vector<float>.Count)
            {
                Vector.Widen(Vector.Load((float*)from + j), out Vector<double> low, out Vector<double> high);
                low.Store((double*)to + j);
                high.Store((double*)to + j + Vector<double>.Count);
            }
        }
        else if (typeof(TFrom) == typeof(double) && typeof(TTo) == typeof(float))
        {
            for (; j <= count - Vector<float>.Count; j += Vector<float>.Count)
                Vector.Narrow(Vector.Load((double*)from + j), Vector.Load((double*)from + j + Vector<double>.Count)).Store((float*)to + j);
        }
        for (; j < count; j++)
            to[j] = TTo.CreateTruncating(from[j]);
    }

    private static void CopyTiles<TFrom, TTo>(MatrixView<TFrom> source, MatrixView<TTo> target)
        where TFrom : unmanaged, IBinaryFloatingPointIeee754<TFrom>
        where TTo : unmanaged, IBinaryFloatingPointIeee754<TTo>
    {
        for (int i0 = 0; i0 < source.Rows; i0 += Tile)
        {
            int iEnd = Math.Min(i0 + Tile, source.Rows);
            for (int j0 = 0; j0 < source.Columns; j0 += Tile)
            {
                int jEnd = Math.Min(j0 + Tile, source.Columns);
                for (int i = i0; i < iEnd; i++)
                {
                    TFrom* from = source.Row(i);
                    TTo* to = target.Row(i);
                    for (int j = j0; j < jEnd; j++)
                        to[j * target.ColumnStride] = TTo.CreateTruncating(from[j * source.ColumnStride]);
                }
            }
        }
    }
}
