namespace LowRankTools.Core.Spectra;

/// <summary>What singular values, descending, say about a matrix.</summary>
internal static class SpectrumMeasures
{
    /// <summary>||W||_F^2: the sum of squares, from the smallest on.</summary>
    public static double SquaredNorm(ReadOnlySpan<double> values) => Tail(values, 0);

    /// <summary>Sum of squares of the values that rank r leaves out, from the smallest on.</summary>
    public static double Tail(ReadOnlySpan<double> values, int rank)
    {
        double sum = 0;
        for (int k = values.Length - 1; k >= rank; k--)
            sum += values[k] * values[k];
        return sum;
    }

    /// <summary>||W - W_r|| / ||W|| of the best approximation of rank r (Eckart and Young, 1936); zero for a zero matrix.</summary>
    public static double RelativeError(ReadOnlySpan<double> values, int rank)
    {
        double tail = Tail(values, rank), total = tail;
        for (int k = Math.Min(rank, values.Length) - 1; k >= 0; k--)
            total += values[k] * values[k];
        return total == 0 ? 0 : Math.Sqrt(tail / total);
    }

    /// <summary>Smallest rank, at least 1, that keeps a share of the squared norm.</summary>
    public static int RankForEnergy(ReadOnlySpan<double> values, double share)
    {
        double total = SquaredNorm(values), sum = 0;
        for (int k = 0; k < values.Length; k++)
        {
            sum += values[k] * values[k];
            if (sum >= share * total)
                return k + 1;
        }
        return Math.Max(1, values.Length);
    }

    /// <summary>||W||_F^2 / ||W||_2^2, at most the rank; zero for a zero matrix.</summary>
    public static double StableRank(ReadOnlySpan<double> values) =>
        values.Length == 0 || values[0] == 0 ? 0 : SquaredNorm(values) / (values[0] * values[0]);

    /// <summary>
    /// Exponential of the entropy of the singular values' shares of their sum (Roy and Vetterli, The effective rank, 2007);
    /// zero for a zero matrix.
    /// </summary>
    public static double EffectiveRank(ReadOnlySpan<double> values)
    {
        double sum = 0, entropy = 0;
        foreach (double value in values)
            sum += value;
        if (sum == 0)
            return 0;
        foreach (double value in values)
        {
            if (value > 0)
                entropy -= value / sum * Math.Log(value / sum);
        }
        return Math.Exp(entropy);
    }
}
