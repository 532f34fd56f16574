namespace LowRankTools.Core.Speed;

/// <summary>How pivoted pairs are timed.</summary>
public sealed record PivotedSpeedOptions : FactoredSpeedOptions
{
    /// <summary>Ranks of the pairs; empty for the largest that the kept ratio allows.</summary>
    public IReadOnlyList<int> Ranks { get; init; } = [];

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        RequireRanks(Ranks);
    }
}
