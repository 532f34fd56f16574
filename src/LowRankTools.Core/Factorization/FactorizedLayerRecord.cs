namespace LowRankTools.Core;

/// <summary>One layer that became a pair, or a chain of convolutions.</summary>
public sealed record FactorizedLayerRecord : FactorizedWeight
{
    /// <summary>How the factors were found.</summary>
    public required string Method { get; init; }

    /// <summary>Rank of the pair, or the largest one of a chain.</summary>
    public required int Rank { get; init; }

    /// <summary>Which side of the stored dense matrix was the input; of a kernel <c>OutIn</c> means outputs x channels x height x width, <c>InOut</c> height x width x channels x outputs.</summary>
    public required WeightOrientation Orientation { get; init; }

    /// <summary>Element type of the dense weight.</summary>
    public required string DType { get; init; }

    /// <summary>Name of the layer's bias before it moved to the second factor; null where it had none.</summary>
    public string? Bias { get; init; }

    /// <summary>||W - W'|| / ||W||, Frobenius norms, W' the product of the factors as stored; zero for a zero matrix.</summary>
    public required double RelativeError { get; init; }

    /// <summary>How the factors are quantised; null where they are not.</summary>
    public string? Quantization { get; init; }

    /// <summary>Name of the layer that this one shares its factors with; null where it has its own.</summary>
    public string? TiedTo { get; init; }
}
