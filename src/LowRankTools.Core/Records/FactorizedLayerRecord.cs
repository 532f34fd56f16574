using System.Text.Json.Serialization;
using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Records;

/// <summary>One layer that became a pair, or a chain of convolutions.</summary>
public sealed record FactorizedLayerRecord
{
    /// <summary>Name of the dense weight.</summary>
    public required string Name { get; init; }

    /// <summary>Kind of the dense weight.</summary>
    public required LayerKind Kind { get; init; }

    /// <summary>How the factors were found.</summary>
    public required string Method { get; init; }

    /// <summary>Rank of the pair, or the largest one of a chain.</summary>
    public required int Rank { get; init; }

    /// <summary>All ranks of a chain of convolutions, whose name is in <see cref="Method"/>; null for pairs.</summary>
    public Dimensions? Ranks { get; init; }

    /// <summary>Shape of the dense weight as it was stored.</summary>
    public required Dimensions Shape { get; init; }

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

    /// <summary>||W - W'|| / ||W|| before the factors were quantised; null where they were not.</summary>
    public double? TruncationError { get; init; }

    /// <summary>||W' - W''|| / ||W||, what quantising the factors changed; null where they were not.</summary>
    public double? QuantizationError { get; init; }

    /// <summary>||(W - W') X|| / ||W X|| on the calibration inputs X that the pair was fitted on; null without calibration.</summary>
    public double? CalibratedError { get; init; }

    /// <summary>The same on calibration inputs that nothing was fitted on; null where the calibration holds none back.</summary>
    public double? HeldOutError { get; init; }

    /// <summary>Name of the layer that this one shares its factors with; null where it has its own.</summary>
    public string? TiedTo { get; init; }

    /// <summary>Name of the layer whose factor next to the inputs is this one's too: its own name for it is tied to that one's. Null where it has its own.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Basis { get; init; }
}
