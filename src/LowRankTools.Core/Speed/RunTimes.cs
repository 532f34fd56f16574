namespace LowRankTools.Core.Speed;

/// <summary>Seconds that one action took, over several runs.</summary>
public sealed record RunTimes
{
    /// <summary>Median of the runs: half of them were faster.</summary>
    public required double MedianSeconds { get; init; }

    /// <summary>The fastest run.</summary>
    public required double MinimumSeconds { get; init; }

    /// <summary>The slowest run.</summary>
    public required double MaximumSeconds { get; init; }

    /// <summary>Interquartile range over the median: the middle half of the runs lies within this share.</summary>
    public required double Spread { get; init; }

    /// <summary>Runs that were timed, after the warm-up.</summary>
    public required int Runs { get; init; }

    /// <summary>Calls before them that were not timed.</summary>
    public required int WarmUpRuns { get; init; }

    /// <summary>Calls in each run; a run's time is that of all its calls, divided by their number.</summary>
    public required int CallsPerRun { get; init; }

    /// <summary>Half the width of the median's notch, in seconds: two medians further apart than their notches differ indeed.</summary>
    internal double Notch => 1.57 * Spread * MedianSeconds / Math.Sqrt(Runs);

    /// <summary>Sums up the seconds of one call, one for each run.</summary>
    internal static RunTimes Of(IReadOnlyCollection<double> seconds, int callsPerRun, int warmUpRuns)
    {
        double[] sorted = [.. seconds.Order()];
        double median = Quantile(sorted, 0.5);
        return new RunTimes
        {
            MedianSeconds = median,
            MinimumSeconds = sorted[0],
            MaximumSeconds = sorted[^1],
            Spread = median > 0 ? (Quantile(sorted, 0.75) - Quantile(sorted, 0.25)) / median : 0,
            Runs = sorted.Length,
            WarmUpRuns = warmUpRuns,
            CallsPerRun = callsPerRun,
        };
    }

    private static double Quantile(double[] sorted, double share)
    {
        double position = share * (sorted.Length - 1);
        int below = (int)position;
        double above = sorted[Math.Min(below + 1, sorted.Length - 1)];
        return sorted[below] + (position - below) * (above - sorted[below]);
    }
}
