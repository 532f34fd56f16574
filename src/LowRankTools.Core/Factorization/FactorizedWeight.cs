namespace LowRankTools.Core;

/// <summary>What the result of a run and the record in a file both say of a layer's weight.</summary>
public abstract record FactorizedWeight
{
    private protected FactorizedWeight()
    {
    }

    /// <summary>Name of the dense weight.</summary>
    public required string Name { get; init; }

    /// <summary>What it is.</summary>
    public required LayerKind Kind { get; init; }

    /// <summary>Shape of the dense weight as it was stored.</summary>
    public required Dimensions Shape { get; init; }

    /// <summary>All ranks: one, or of a Tucker chain those of outputs and of channels, or of a train those of its bonds; null where the layer stays dense, and for pairs in a record.</summary>
    public Dimensions? Ranks { get; init; }

    /// <summary>||W - W'|| / ||W|| before the factors were quantised: what the truncation alone loses; null where they were not.</summary>
    public double? TruncationError { get; init; }

    /// <summary>||W' - W''|| / ||W||: what quantising changed, W'' what is stored; null where nothing was quantised.</summary>
    public double? QuantizationError { get; init; }

    /// <summary>||(W - W') X|| / ||W X|| on the calibration inputs X that the pair was fitted on; null without calibration.</summary>
    public double? CalibratedError { get; init; }

    /// <summary>The same on calibration inputs that nothing was fitted on; null where the calibration holds none back.</summary>
    public double? HeldOutError { get; init; }
}
