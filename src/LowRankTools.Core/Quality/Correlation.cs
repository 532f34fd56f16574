namespace LowRankTools.Core.Quality;

/// <summary>How far two lists of numbers go together.</summary>
internal static class Correlation
{
    /// <summary>Pearson's r; null for fewer than two numbers, or where those of one list are all alike.</summary>
    public static double? Pearson(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        double meanX = Mean(x), meanY = Mean(y), xx = 0, yy = 0, xy = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double a = x[i] - meanX, b = y[i] - meanY;
            xx += a * a;
            yy += b * b;
            xy += a * b;
        }
        double scale = Math.Sqrt(xx) * Math.Sqrt(yy);
        return x.Length < 2 || scale == 0 ? null : Math.Clamp(xy / scale, -1, 1);
    }

    /// <summary>Spearman's rho: Pearson's r of the ranks, equal numbers having the mean of their ranks.</summary>
    public static double? Spearman(ReadOnlySpan<double> x, ReadOnlySpan<double> y) => Pearson(Ranks(x), Ranks(y));

    private static double Mean(ReadOnlySpan<double> values)
    {
        double sum = 0;
        foreach (double value in values)
            sum += value;
        return sum / Math.Max(1, values.Length);
    }

    private static double[] Ranks(ReadOnlySpan<double> values)
    {
        double[] sorted = values.ToArray();
        int[] places = [.. Enumerable.Range(0, sorted.Length)];
        Array.Sort(sorted, places);
        double[] ranks = new double[sorted.Length];
        for (int first = 0, next; first < sorted.Length; first = next)
        {
            for (next = first + 1; next < sorted.Length && sorted[next] == sorted[first];)
                next++;
            for (int i = first; i < next; i++)
                ranks[places[i]] = (first + next - 1) / 2.0;
        }
        return ranks;
    }
}
