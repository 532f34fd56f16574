namespace LowRankTools.Core.Resizing;

/// <summary>One feed-forward part, or one block's attention, that got smaller.</summary>
public sealed record ResizedPart
{
    /// <summary>Name of the tensor that reads the hidden units, or what the heads gathered.</summary>
    public required string Name { get; init; }

    /// <summary>||W A - W' A'|| / ||W A|| over the calibration's activations A, in features x tokens, and the rows A' of it that stay: what the part's outputs lost.</summary>
    public required double CalibratedError { get; init; }

    /// <summary>The same on the activations that were held out; null where there are none.</summary>
    public double? HeldOutError { get; init; }

    /// <summary>Share of what queries' and keys' pairs of features mean to attention's scores that went with the pairs; null for a feed-forward part.</summary>
    public double? LostScores { get; init; }

    /// <summary>Seconds of choosing and fitting.</summary>
    public required double Seconds { get; init; }

    /// <summary>The name: what takes names of layers takes the part.</summary>
    public override string ToString() => Name;
}
