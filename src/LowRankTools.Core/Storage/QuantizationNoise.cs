using LowRankTools.Formats.Quantization;

namespace LowRankTools.Core.Storage;

/// <summary>
/// What quantising is expected to add to an error, from singular values alone: factors with entries like normal noise, steps of the largest
/// magnitude of a run over the largest level, errors even within a step. A prediction for plans; the factorization measures.
/// </summary>
internal static class QuantizationNoise
{
    private const int Block = 32, MostByte = 127, MostNibble = 8;

    /// <summary>Expected ||L R - L' R'||^2 of a pair whose factors share the roots of the singular values, L (m x r), R (r x n).</summary>
    /// <param name="kind">How both are stored.</param>
    /// <param name="values">Singular values, descending.</param>
    /// <param name="rank">r.</param>
    /// <param name="columns">n, the length of R's rows.</param>
    public static double OfPair(WeightQuantization kind, ReadOnlySpan<double> values, int rank, long columns)
    {
        double sum = 0, squares = 0;
        foreach (double s in values[..Math.Min(rank, values.Length)])
            (sum, squares) = (sum + s, squares + s * s);
        // Noise of L has one size in all columns, and R's rows have the squared norms s_k; noise of R's row k is a share of s_k, and so is L's column.
        return Share(kind, rank) * sum * sum / rank + Share(kind, columns) * squares;
    }

    /// <summary>Expected ||W - W'||^2 / ||W||^2 of a matrix, or of a factor.</summary>
    /// <param name="kind">How it is stored.</param>
    /// <param name="columns">Length of its rows.</param>
    public static double Share(WeightQuantization kind, long columns)
    {
        // The largest of n magnitudes of normal noise: its square is about 2 ln 2n - ln(pi ln 2n) (David and Nagaraja, Order Statistics, 2003).
        double logarithm = Math.Log(2.0 * (kind == WeightQuantization.Int8 ? Math.Max(2, columns) : Block));
        double levels = kind == WeightQuantization.Q4_0 ? MostNibble : MostByte;
        return (2 * logarithm - Math.Log(Math.PI * logarithm)) / (12 * levels * levels);
    }
}
