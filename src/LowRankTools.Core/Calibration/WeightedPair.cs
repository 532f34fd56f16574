using LowRankTools.Core.Records;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Calibration;

/// <summary>W' = Left Right in float64; the singular values are in one of the two.</summary>
/// <param name="Left">B, m x r.</param>
/// <param name="Right">A, r x n.</param>
/// <param name="Values">The r leading singular values of the weighted W.</param>
/// <param name="Algorithm">The route, for people.</param>
internal sealed record WeightedPair(Matrix<double> Left, Matrix<double> Right, double[] Values, string Algorithm) : IDisposable
{
    /// <summary>
    /// Makes the component's two vectors equally long (Balanced), or the right one (Left) or the left one (Right) of length
    /// one, and the largest entry of the left one positive. For a plain decomposition that is where its values go.
    /// </summary>
    public void Split(FactorSplit split)
    {
        double[] largest = new double[Left.Columns], squares = new double[Left.Columns], left = new double[Left.Columns], right = new double[Left.Columns];
        for (int i = 0; i < Left.Rows; i++)
        {
            ReadOnlySpan<double> row = Left.Row(i);
            for (int k = 0; k < row.Length; k++)
            {
                squares[k] += row[k] * row[k];
                if (Math.Abs(row[k]) > Math.Abs(largest[k]))
                    largest[k] = row[k];
            }
        }
        for (int k = 0; k < left.Length; k++)
        {
            double b = Math.Sqrt(squares[k]), a = Norm(Right.Row(k));
            double scale = b == 0 || a == 0 ? 1 : split switch { FactorSplit.Left => a, FactorSplit.Right => 1 / b, _ => Math.Sqrt(a / b) };
            left[k] = largest[k] < 0 ? -scale : scale;
            right[k] = 1 / left[k];
        }
        HostMatrix.ScaleColumns(Left, left);
        HostMatrix.ScaleRows(Right, right);
    }

    /// <summary>The pair of the transpose, Right^T Left^T; this one's memory is freed.</summary>
    public WeightedPair Transposed()
    {
        WeightedPair flipped = this with { Left = Right.Transposed.ToMatrix(), Right = Left.Transposed.ToMatrix() };
        Dispose();
        return flipped;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
    }

    private static double Norm(ReadOnlySpan<double> row)
    {
        double sum = 0;
        foreach (double value in row)
            sum += value * value;
        return Math.Sqrt(sum);
    }
}
