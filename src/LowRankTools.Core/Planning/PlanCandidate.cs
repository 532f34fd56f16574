namespace LowRankTools.Core;

/// <summary>A weight that a plan decides on.</summary>
internal sealed class PlanCandidate
{
    /// <summary>Name of the tensor.</summary>
    public required string Name { get; init; }

    /// <summary>Shape as stored.</summary>
    public required Dimensions Shape { get; init; }

    /// <summary>Element type as stored.</summary>
    public required string DType { get; init; }

    /// <summary>Bytes as stored; zero where another layer's storage is shared.</summary>
    public required long Bytes { get; init; }

    /// <summary>What each rank costs.</summary>
    public required LayerCost Cost { get; init; }

    /// <summary>Why it is not chosen; None where it is.</summary>
    public required KeepReason Reason { get; init; }

    /// <summary>The layer in its model; null for a bare shape.</summary>
    public ModelLayer? Layer { get; init; }

    /// <summary>The earlier layer whose decision it shares; null where it has its own.</summary>
    public PlanCandidate? Leader { get; init; }

    /// <summary>What was decided by hand; null where the rule decides.</summary>
    public LayerOverride? Override { get; init; }

    /// <summary>Singular values that say what a rank loses; null where they are not needed.</summary>
    public double[]? Values { get; set; }

    /// <summary>Factor of the lost energy.</summary>
    public double Weight { get; set; } = 1;

    /// <summary>Whether a rank is to be found for it.</summary>
    public bool IsOpen => Reason == KeepReason.None && Leader is null;

    /// <summary>Its energy in what is minimised.</summary>
    public double WeightedEnergy => Weight * SpectrumMeasures.SquaredNorm(Values);

    /// <summary>What a rank, or null for dense, loses of that.</summary>
    public double Loss(int? rank) => rank is { } r ? Weight * SpectrumMeasures.Tail(Values, r) : 0;

    /// <summary>The decision.</summary>
    /// <param name="rank">Rank; null for dense.</param>
    /// <param name="reason">Why dense.</param>
    /// <param name="leader">The decision that it shares.</param>
    /// <param name="withErrors">Whether the values are real ones, from which errors can be told.</param>
    public LayerPlan Decide(int? rank, KeepReason reason, LayerPlan? leader, bool withErrors)
    {
        double[]? values = withErrors ? Values : null;
        return new LayerPlan(Cost, rank, reason, values, leader: leader)
        {
            Name = Name,
            Shape = Shape,
            DTypeBefore = DType,
            BytesBefore = Bytes,
            Norm = values is null ? null : Math.Sqrt(SpectrumMeasures.SquaredNorm(values)),
            Weight = values is null ? null : Weight,
        };
    }
}
