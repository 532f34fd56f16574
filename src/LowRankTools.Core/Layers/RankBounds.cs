namespace LowRankTools.Core.Layers;

/// <summary>
/// The arithmetic of one pair. A matrix of m x n has m n parameters, a pair of rank r has r (m + n); it pays only
/// below the break-even rank m n / (m + n).
/// </summary>
public static class RankBounds
{
    /// <summary>Largest rank at which a pair has fewer parameters than the matrix; zero where none has.</summary>
    public static long BreakEven(long m, long n) => m == 0 || n == 0 ? 0 : (long)(((Int128)m * n - 1) / (m + n));

    /// <summary>Parameters of a pair of rank r.</summary>
    public static long PairParameters(long m, long n, long rank) => checked(rank * (m + n));

    /// <summary>Largest rank whose pair keeps at most the share <paramref name="ratio"/> of the matrix's parameters, at least one.</summary>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns.</param>
    /// <param name="ratio">Between 0 and 1.</param>
    public static long ForKeepRatio(long m, long n, double ratio)
    {
        // The product can land a hair under a whole number that it means (0.8 of 5 is 4); a relative nudge far below one
        // parameter of any real layer repairs that.
        double rank = ratio * m * n / (m + n);
        return Math.Max(1, (long)Math.Floor(rank * (1 + 1e-12)));
    }
}
