using System.Numerics;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Matrices;

/// <summary>Lengths of the rows of a matrix, measured and changed.</summary>
internal static unsafe class RowLengths
{
    /// <summary>The squared length of each row, summed in float64.</summary>
    public static double[] Squared(MatrixView<float> x, int threads)
    {
        double[] squares = new double[x.Rows];
        RowTasks.Run(x.Rows, x.Columns, threads, (_, first, end) =>
        {
            for (int i = first; i < end; i++) squares[i] = Norms.RowSquared(x.Row(i), x.Columns, x.ColumnStride);
        }, CancellationToken.None);
        return squares;
    }

    /// <inheritdoc cref="Squared(MatrixView{float}, int)"/>
    public static double[] Squared(MatrixView<double> x, int threads)
    {
        double[] squares = new double[x.Rows];
        RowTasks.Run(x.Rows, x.Columns, threads, (_, first, end) =>
        {
            for (int i = first; i < end; i++)
            {
                for (int j = 0; j < x.Columns; j++) squares[i] += x.Row(i)[j * x.ColumnStride] * x.Row(i)[j * x.ColumnStride];
            }
        }, CancellationToken.None);
        return squares;
    }

    /// <summary>Multiplies row i by factor i, rounded to the matrix' type.</summary>
    public static void Scale<T>(double[] factors, MatrixView<T> x, int threads)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        RowTasks.Run(x.Rows, x.Columns, threads, (_, first, end) =>
        {
            for (int i = first; i < end; i++)
            {
                T factor = T.CreateTruncating(factors[i]);
                if (x.ColumnStride == 1) VectorOps.Scale(factor, x.Row(i), x.Columns);
                else for (int j = 0; j < x.Columns; j++) x.Row(i)[j * x.ColumnStride] *= factor;
            }
        }, CancellationToken.None);
    }
}
