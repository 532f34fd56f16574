using System.Numerics;

namespace LowRankTools.Numerics.Matrices;

/// <summary>Small services for square symmetric matrices of which only one triangle was computed.</summary>
internal static unsafe class Symmetric
{
    private const int Tile = 32;

    /// <summary>Copies the lower triangle onto the upper one, tile by tile.</summary>
    public static void MirrorLower<T>(MatrixView<T> matrix)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i0 = 0; i0 < matrix.Rows; i0 += Tile)
        {
            for (int j0 = 0; j0 <= i0; j0 += Tile)
            {
                for (int i = i0; i < Math.Min(i0 + Tile, matrix.Rows); i++)
                {
                    for (int j = j0; j < Math.Min(j0 + Tile, i); j++)
                        matrix.Row(j)[i * matrix.ColumnStride] = matrix.Row(i)[j * matrix.ColumnStride];
                }
            }
        }
    }
}
