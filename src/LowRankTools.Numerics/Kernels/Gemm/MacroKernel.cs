using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>
/// C block = beta C + packed A times packed B, tile by tile: a panel of B stays in the first-level cache while all
/// panels of A pass by. Tiles that stick out of C are computed whole beside it and cut to size.
/// </summary>
internal static unsafe class MacroKernel
{
    private const int LargestTile = 12 * 32;

    /// <summary>One block.</summary>
    /// <param name="depth">Columns of A, rows of B.</param>
    /// <param name="packedA">Panels of A.</param>
    /// <param name="packedB">Panels of B.</param>
    /// <param name="beta">Factor of the old C; 0 overwrites.</param>
    /// <param name="c">Block of C, row-major.</param>
    /// <param name="meanwhile">What else is done, a step before each tile.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<T>(int depth, T* packedA, T* packedB, T beta, MatrixView<T> c, PackAhead? meanwhile = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int tileRows = GemmBlocking<T>.TileRows, tileColumns = GemmBlocking<T>.TileColumns;
        T* edge = stackalloc T[LargestTile];
        byte** lines = stackalloc byte*[PackAhead.MostLines];
        for (int i = 0; i < PackAhead.MostLines; i++) lines[i] = (byte*)packedA;
        int tilesAPanel = (c.Rows + tileRows - 1) / tileRows, panelBytes = depth * tileColumns * sizeof(T);
        int share = ((panelBytes / tilesAPanel) + PackAhead.LineBytes - 1) / PackAhead.LineBytes * PackAhead.LineBytes;
        for (int j = 0; j < c.Columns; j += tileColumns)
        {
            T* panelB = packedB + ((nint)j * depth);
            int columns = Math.Min(tileColumns, c.Columns - j);

            // Panels of B come from afar: every tile fetches a share of the next one.
            byte* next = (byte*)panelB + (j + tileColumns < c.Columns ? panelBytes : 0);
            for (int i = 0; i < c.Rows; i += tileRows, next += share)
            {
                meanwhile?.Step(lines);
                T* panelA = packedA + ((nint)i * GemmBlocking<T>.RowDistance);
                T* tile = c.Row(i) + j;
                int rows = Math.Min(tileRows, c.Rows - i);
                if (rows == tileRows && columns == tileColumns)
                {
                    MicroKernel(depth, panelA, panelB, tile, c.RowStride, beta, lines, next);
                }
                else
                {
                    MicroKernel(depth, panelA, panelB, edge, tileColumns, T.Zero, lines, next);
                    Merge(edge, tileColumns, tile, c.RowStride, rows, columns, beta);
                }
            }
        }
    }

    /// <summary>Number of tiles that a block of C has.</summary>
    public static int Tiles<T>(int rows, int columns)
        where T : unmanaged =>
        (rows + GemmBlocking<T>.TileRows - 1) / GemmBlocking<T>.TileRows * ((columns + GemmBlocking<T>.TileColumns - 1) / GemmBlocking<T>.TileColumns);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MicroKernel<T>(int depth, T* a, T* b, T* c, nint distance, T beta, byte** lines, byte* next)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) MicroKernel512.Run(depth, a, b, c, distance, beta);
        else if (Vector256.IsHardwareAccelerated) MicroKernel256.Run(depth, a, b, c, distance, beta, lines, next);
        else MicroKernel128.Run(depth, a, b, c, distance, beta);
    }

    private static void Merge<T>(T* edge, int edgeDistance, T* c, nint distance, int rows, int columns, T beta)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < rows; i++, edge += edgeDistance, c += distance)
        {
            if (T.IsZero(beta))
            {
                Widening.Copy(edge, c, columns);
                continue;
            }

            int j = 0;
            for (; j <= columns - Vector128<T>.Count; j += Vector128<T>.Count)
                Simd128<T>.MultiplyAdd(Vector128.Create(beta), Vector128.Load(c + j), Vector128.Load(edge + j)).Store(c + j);
            for (; j < columns; j++) c[j] = T.FusedMultiplyAdd(beta, c[j], edge[j]);
        }
    }
}
