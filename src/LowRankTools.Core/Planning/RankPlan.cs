namespace LowRankTools.Core;

/// <summary>What is to happen to a model: one decision for each of its layers. Data, made before anything is computed.</summary>
public sealed record RankPlan
{
    /// <summary>The rule that made it.</summary>
    public required string Rule { get; init; }

    /// <summary>Fingerprint of the model it was made for.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>Decisions, in the order of the file.</summary>
    public required IReadOnlyList<LayerPlan> Layers { get; init; }
}
