namespace LowRankTools.Core;

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
    public static BarChoice<T> Largest<T>(IReadOnlyList<T> all, Func<T, double> size)
    {
        HashSet<int> chosen = [.. Enumerable.Range(0, all.Count).OrderByDescending(i => size(all[i])).Take(MostBars)];
        return new BarChoice<T>([.. all.Where((_, i) => chosen.Contains(i))], [.. all.Where((_, i) => !chosen.Contains(i))]);
    }

    /// <summary>Pixels that so many bars need.</summary>
    public static int Height(int bars) => 150 + 19 * Math.Max(bars, 2);
}
