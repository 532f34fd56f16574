using LowRankTools.Core.Layers;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Speed;

/// <summary>Bisects for the rank at which a pair stops being faster than its layer.</summary>
internal static class BreakEvenSearch
{
    private const int TimeLimitShare = 4;

    /// <summary>
    /// The largest rank that was seen to be faster; zero where none was. Time is taken to rise with the rank, as it does but for noise.
    /// </summary>
    /// <param name="engine">What computes.</param>
    /// <param name="shape">The layer.</param>
    /// <param name="batch">Tokens.</param>
    /// <param name="timing">Limits of a full measurement; a probe gets a quarter of its time, and ends as soon as the two medians' notches part.</param>
    /// <param name="ct">Stops the search.</param>
    public static int Run(ITensorEngine engine, MatrixShape shape, int batch, TimingOptions timing, CancellationToken ct)
    {
        AlternatingTimer timer = new(timing with { TimeLimit = timing.TimeLimit / TimeLimitShare, WarmUp = timing.WarmUp / TimeLimitShare });
        return Bisect(shape.MaximumRank, rank =>
        {
            using LayerBench bench = new(engine, shape, batch, ct);
            IReadOnlyList<RunTimes> times = timer.Measure([bench.Dense(), bench.Pair(rank)], decided: Differ, cancellationToken: ct);
            return times[1].MedianSeconds < times[0].MedianSeconds;
        });
    }

    /// <summary>The largest rank up to <paramref name="maximum"/> that is faster, if all below it are; the bracket closes to a hundredth of the maximum.</summary>
    internal static int Bisect(int maximum, Func<int, bool> isFaster)
    {
        int faster = 0, slower = maximum + 1, step = Math.Max(1, maximum / 100);
        while (slower - faster > step)
        {
            int rank = faster + (slower - faster) / 2;
            if (isFaster(rank))
                faster = rank;
            else
                slower = rank;
        }
        return faster;
    }

    private static bool Differ(IReadOnlyList<RunTimes> times) =>
        Math.Abs(times[0].MedianSeconds - times[1].MedianSeconds) > times[0].Notch + times[1].Notch;
}
