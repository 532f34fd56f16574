using LowRankTools.Core.Plans;

namespace LowRankTools.Core.Speed;

/// <summary>How TT-matrices are timed.</summary>
public sealed record TrainSpeedOptions : FactoredSpeedOptions
{
    /// <summary>Ranks of the bonds between cores, each the rank of all bonds of one run; empty for those that the kept ratio allows.</summary>
    public IReadOnlyList<int> Ranks { get; init; } = [];

    /// <summary>How sizes are split into modes, as in <see cref="PlanOptions.Splits"/>.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Splits { get; init; } = [];

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        RequireRanks(Ranks);
    }
}
