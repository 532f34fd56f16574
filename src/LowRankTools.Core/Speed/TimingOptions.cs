using LowRankTools.Numerics;

namespace LowRankTools.Core.Speed;

/// <summary>How long and how often something is timed.</summary>
public sealed record TimingOptions
{
    /// <summary>Fewest timed runs of each action; the median of fewer says little.</summary>
    public int MinimumRuns { get; init; } = 5;

    /// <summary>Most timed runs of each action.</summary>
    public int MaximumRuns { get; init; } = 1000;

    /// <summary>
    /// Runs end early once every median is known this well: half the width of its notch, 1.57 times the interquartile range
    /// over the root of the runs (McGill, Tukey and Larsen 1978, about 95 % confidence), as a share of the median.
    /// </summary>
    public double Tolerance { get; init; } = 0.02;

    /// <summary>Runs end after this time, once there are <see cref="MinimumRuns"/> of them.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Untimed runs go on for this time, and are at least two of each action: code is compiled, caches fill, clocks rise.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>A run repeats a short action until it takes about this long, so that the clock's own grain does not count.</summary>
    public TimeSpan ShortestRun { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Exactly so many runs, however long they take.</summary>
    /// <param name="runs">Timed runs of each action, at least 1.</param>
    public TimingOptions WithRuns(int runs) => this with { MinimumRuns = runs, MaximumRuns = runs };

    /// <summary>Refuses what has no meaning.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public void Validate()
    {
        if (MinimumRuns < 1 || MaximumRuns < MinimumRuns)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{MinimumRuns} to {MaximumRuns} runs cannot be timed.", "Runs are at least 1.");
        if (!(Tolerance >= 0) || TimeLimit < TimeSpan.Zero || WarmUp < TimeSpan.Zero || ShortestRun < TimeSpan.Zero)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Times and tolerances of a measurement are not negative.");
    }
}
