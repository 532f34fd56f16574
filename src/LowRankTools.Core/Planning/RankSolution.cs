using LowRankTools.Core.Planning.Candidates;

namespace LowRankTools.Core.Planning;

/// <summary>What <see cref="RankSolver"/> found.</summary>
public sealed record RankSolution
{
    /// <summary>For each layer the index into its <see cref="RankChoices"/>.</summary>
    public required IReadOnlyList<int> Choices { get; init; }

    /// <summary>Parameters of all layers together.</summary>
    public required long Cost { get; init; }

    /// <summary>Weighted energy that is discarded.</summary>
    public required double Loss { get; init; }

    /// <summary>No choice within the budget loses less than this: the value of the Lagrangian dual.</summary>
    public required double LowerBound { get; init; }

    /// <summary>How far the loss is above the bound. The integers alone can leave a gap to a solution that is the best.</summary>
    public double DualGap => Math.Max(0, Loss - LowerBound);

    /// <summary>Whether the search was complete: no other choice loses less, to rounding.</summary>
    public required bool IsProvenOptimal { get; init; }
}
