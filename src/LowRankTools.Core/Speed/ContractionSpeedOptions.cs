namespace LowRankTools.Core.Speed;

/// <summary>How layers over activations of several modes are timed.</summary>
public sealed record ContractionSpeedOptions : FactoredSpeedOptions
{
    /// <summary>The layer; null for all that there are for the modes.</summary>
    public ContractionMethod? Method { get; init; }

    /// <summary>Ranks of the weight, each that of all modes or bonds of one run, as far as these have it; empty for the largest that the kept ratio allows. A contraction has none.</summary>
    public IReadOnlyList<int> Ranks { get; init; } = [];

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        RequireRanks(Ranks);
    }
}
