using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Factorizations;

/// <summary>
/// What Cholesky QR makes of a Gram matrix G alone: for D G D = L L^T with the inverse lengths D, the rows of L^-1 D X are
/// orthonormal (Yamamoto, Nakatsukasa, Yanagisawa, Fukaya, 2015). Shared by all who know G and differ in how they apply it.
/// </summary>
internal static unsafe class CholeskyQr
{
    /// <summary>Once the scaled Gram matrix is this close to I, one more pass reaches machine precision.</summary>
    public const double Near = 1e-2;

    // A row this close to the span of those before it, in units of its length, needs the Gram matrix in float64.
    private const double Apart = 0.03;

    // Squares of lengths between these neither vanish nor overflow on their way.
    private const float ShortestSquared = 1e-24f;
    private const float LongestSquared = 1e24f;

    /// <summary>1 / length of a row, from its square; false where float32 cannot be trusted with that square.</summary>
    public static bool TryInverseLength(double squared, out double inverse)
    {
        inverse = 1 / Math.Sqrt(squared);
        return squared is > ShortestSquared and < LongestSquared;
    }

    /// <summary>L^-1 D, lower triangular, which the caller disposes of; null where rows nearly depend on one another.</summary>
    /// <param name="scaled">D G D, its lower triangle; replaced by L.</param>
    /// <param name="inverseLengths">D.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public static Matrix<double>? TryFactor(Matrix<double> scaled, double[] inverseLengths, int threads, CancellationToken ct)
    {
        if (!Cholesky.TryFactor(scaled.View, threads, ct)) return null;
        for (int i = 0; i < scaled.Rows; i++)
        {
            if (scaled.View.Row(i)[i] < Apart) return null;
        }

        Matrix<double> factor = Triangular.Invert(scaled.View, threads, ct);
        for (int i = 0; i < factor.Rows; i++)
        {
            for (int j = 0; j <= i; j++) factor.View.Row(i)[j] *= inverseLengths[j];
        }

        return factor;
    }
}
