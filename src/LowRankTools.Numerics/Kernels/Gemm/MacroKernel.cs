using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LowRankTools.Numerics;

/// <summary>
/// C block = beta C + packed A times packed B, tile by tile: a panel of B stays in the first-level cache while all
/// panels of A pass by. Tiles that stick out of C are computed whole beside it and cut to size.
/// </summary>
internal static unsafe class MacroKernel
{
    private const int LargestTile = 12 * 32;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<T>(int depth, T* packedA, T* packedB, T beta, MatrixView<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int tileRows = GemmBlocking<T>.TileRows, tileColumns = GemmBlocking<T>.TileColumns;
        T* edge = stackalloc T[LargestTile];
        for (int j = 0; j < c.Columns; j += tileColumns)
        {
            T* panelB = packedB + ((nint)j * depth);
            int columns = Math.Min(tileColumns, c.Columns - j);
            for (int i = 0; i < c.Rows; i += tileRows)
            {
                T* panelA = packedA + ((nint)i * GemmBlocking<T>.RowDistance);
                T* tile = c.Row(i) + j;
                int rows = Math.Min(tileRows, c.Rows - i);
                if (rows == tileRows && columns == tileColumns)
                {
                    MicroKernel(depth, panelA, panelB, tile, c.RowStride, beta);
                }
                else
                {
                    MicroKernel(depth, panelA, panelB, edge, tileColumns, T.Zero);
                    Merge(edge, tileColumns, tile, c.RowStride, rows, columns, beta);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MicroKernel<T>(int depth, T* a, T* b, T* c, nint distance, T beta)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) MicroKernel512.Run(depth, a, b, c, distance, beta);
        else if (Vector256.IsHardwareAccelerated) MicroKernel256.Run(depth, a, b, c, distance, beta);
        else MicroKernel128.Run(depth, a, b, c, distance, beta);
    }

    private static void Merge<T>(T* edge, int edgeDistance, T* c, nint distance, int rows, int columns, T beta)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < rows; i++, edge += edgeDistance, c += distance)
        {
            for (int j = 0; j < columns; j++)
                c[j] = T.IsZero(beta) ? edge[j] : T.FusedMultiplyAdd(beta, c[j], edge[j]);
        }
    }
}
