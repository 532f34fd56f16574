using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Comparison;

/// <summary>
/// What rounding to an element type can add to a matrix. An entry w rounded to a type of unit roundoff u is off by at most |w| u, and like
/// even noise by |w| u / sqrt 3 in the mean square. A matrix of independent errors has singular values of at most about the largest norm
/// of a row plus the largest norm of a column of their deviations (Bandeira and van Handel, Sharp nonasymptotic bounds on the norm of
/// random matrices with independent entries, 2016); twice that is the floor above which a singular value was meant.
/// </summary>
/// <param name="Floor">Singular values up to this may be rounding.</param>
/// <param name="Energy">Sum of squares up to this may be rounding.</param>
internal readonly record struct RoundingNoise(double Floor, double Energy)
{
    private const double Margin = 2;

    /// <summary>Half of the distance between the smallest numbers of float16, where roundoff is no share of the value any more.</summary>
    private const double SmallestHalf = 1.0 / (1 << 25);

    /// <summary>Pairs are rounded three times, factors and product, and errors of factors are no independent noise.</summary>
    private const double PairMargin = 8;

    /// <summary>The noise of a stored matrix.</summary>
    /// <param name="matrix">Its values, m x n.</param>
    /// <param name="stored">The type that they were stored in.</param>
    /// <param name="hasFactors">Whether they are a product of stored factors.</param>
    public static RoundingNoise Of(Matrix<float> matrix, TensorDType stored, bool hasFactors)
    {
        double roundoff = stored switch
        {
            TensorDType.F16 => 1.0 / 2048,
            TensorDType.BF16 => 1.0 / 256,
            TensorDType.F32 or TensorDType.F64 => 1.0 / (1 << 24),
            _ => 1.0 / 16,
        };
        double least = stored == TensorDType.F16 ? SmallestHalf * SmallestHalf : 0, largestRow = 0, sum = 0;
        double[] columns = new double[matrix.Columns];
        for (int i = 0; i < matrix.Rows; i++)
        {
            double row = 0;
            ReadOnlySpan<float> values = matrix.Row(i);
            for (int j = 0; j < values.Length; j++)
            {
                double square = Math.Max((double)values[j] * values[j] * roundoff * roundoff, least) / 3;
                row += square;
                columns[j] += square;
            }
            largestRow = Math.Max(largestRow, row);
            sum += row;
        }
        double margin = Margin * (hasFactors ? PairMargin : 1);
        return new RoundingNoise(margin * (Math.Sqrt(largestRow) + Math.Sqrt(columns.DefaultIfEmpty().Max())), margin * margin * sum);
    }

    /// <summary>What two independent roundings can add together.</summary>
    public static RoundingNoise Larger(RoundingNoise a, RoundingNoise b) => new(Math.Max(a.Floor, b.Floor), Math.Max(a.Energy, b.Energy));
}
