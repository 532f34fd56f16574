using LowRankTools.Core.Quality;

namespace LowRankTools.Core.Plans;

/// <summary>The protocol of ranks that were exchanged between layers by the measured quality of the whole model.</summary>
public sealed record PlanMeasurement
{
    /// <summary>What was measured: MeanCosine, Pearson, Spearman or Perplexity.</summary>
    public required QualityMeasure Measure { get; init; }

    /// <summary>The figure at the ranks that lose the least as a sum over the layers.</summary>
    public required double Before { get; init; }

    /// <summary>The figure at the ranks of the plan.</summary>
    public required double After { get; init; }

    /// <summary>Full path of the text or token file.</summary>
    public required string Text { get; init; }

    /// <summary>Lines of it.</summary>
    public required int Lines { get; init; }

    /// <summary>Tokens of it.</summary>
    public required long Tokens { get; init; }

    /// <summary>Runs of the model over the text.</summary>
    public required int Trials { get; init; }

    /// <summary>Wall-clock time, factors of all ranks included.</summary>
    public required double Seconds { get; init; }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Measure} {Before:F4} -> {After:F4} on {Lines:N0} lines, {Tokens:N0} tokens, {Trials:N0} trials, {Seconds:F1} s");
}
