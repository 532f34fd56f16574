namespace LowRankTools.Core.Figures;

/// <summary>The layers that get a bar of their own, in the order of the file, and those for which there is no room.</summary>
internal sealed record BarChoice<T>(IReadOnlyList<T> Shown, IReadOnlyList<T> Others)
{
    /// <summary>What is left out, for the protocol; nothing where nothing is.</summary>
    public string Told(string what) => Others.Count == 0 ? "" : $" The {Shown.Count} largest {what} are drawn; the table lists all.";
}

/// <summary>Chooses what gets a bar.</summary>
internal static class BarChoice
{
    private const int MostBars = 40;

    /// <summary>The largest ones, in their order.</summary>
    /// <param name="all">All.</param>
    /// <param name="size">Length of a bar.</param>
    /// <param name="leastShare">What is smaller than this share of the largest is not seen and gets no bar.</param>
    public static BarChoice<T> Largest<T>(IReadOnlyList<T> all, Func<T, double> size, double leastShare = 0)
    {
        double least = leastShare * all.Select(size).DefaultIfEmpty(0).Max();
        HashSet<int> chosen = [.. Enumerable.Range(0, all.Count).Where(i => size(all[i]) >= least).OrderByDescending(i => size(all[i])).Take(MostBars)];
        return new BarChoice<T>([.. all.Where((_, i) => chosen.Contains(i))], [.. all.Where((_, i) => !chosen.Contains(i))]);
    }

    /// <summary>Pixels that so many bars need.</summary>
    public static int Height(int bars) => 150 + 19 * Math.Max(bars, 2);
}
