using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Quantization;

namespace LowRankTools.Core.Factorization;

/// <summary>What was done, or would be done, to one layer.</summary>
public sealed record LayerFactorization
{
    /// <summary>Name of the dense weight.</summary>
    public required string Name { get; init; }

    /// <summary>What it is.</summary>
    public required LayerKind Kind { get; init; }

    /// <summary>Shape of the dense weight as stored.</summary>
    public required Dimensions Shape { get; init; }

    /// <summary>Element type written.</summary>
    public required string DType { get; init; }

    /// <summary>Rank of the pair, or the largest rank of a chain of convolutions; null where the layer stays dense.</summary>
    public int? Rank { get; init; }

    /// <summary>All ranks: one, or of a Tucker chain those of outputs and of channels; null where the layer stays dense.</summary>
    public Dimensions? Ranks { get; init; }

    /// <summary>Why it stays dense; None where it does not.</summary>
    public required KeepReason Reason { get; init; }

    /// <summary>Parameters of the dense weight.</summary>
    public required long ParametersBefore { get; init; }

    /// <summary>Parameters of what stands for it.</summary>
    public required long Parameters { get; init; }

    /// <summary>Bytes of the dense weight.</summary>
    public required long BytesBefore { get; init; }

    /// <summary>Bytes of what stands for it.</summary>
    public required long Bytes { get; init; }

    /// <summary>||W - W'|| / ||W|| in the Frobenius norm, W' the product of the factors as stored; null where nothing was computed.</summary>
    public double? RelativeError { get; init; }

    /// <summary>How the factors, or the weight that stays dense, are quantised; null where they are not.</summary>
    public WeightQuantization? Quantization { get; init; }

    /// <summary>||W - W'|| / ||W|| before the factors were quantised: what the truncation alone loses; null where they were not.</summary>
    public double? TruncationError { get; init; }

    /// <summary>||W' - W''|| / ||W||: what quantising changed, W'' what is stored; null where nothing was quantised.</summary>
    public double? QuantizationError { get; init; }

    /// <summary>Entries of a weight that stays dense which the 2:4 pattern made zero; null where it was not asked for.</summary>
    public long? ZeroedParameters { get; init; }

    /// <summary>||(W - W') X|| / ||W X|| on the calibration inputs X that the pair was fitted on; null without calibration.</summary>
    public double? CalibratedError { get; init; }

    /// <summary>The same on calibration inputs that nothing was fitted on; null where the calibration holds none back.</summary>
    public double? HeldOutError { get; init; }

    /// <summary>Algorithm that found the factors of a pair, null where nothing was computed; of a convolution what it becomes: Svd, Tucker, Cp or SpatialSvd.</summary>
    public string? Method { get; init; }

    /// <summary>Engine and device that found the factors; null where nothing was computed.</summary>
    public string? Engine { get; init; }

    /// <summary>Seconds to factorize the layer, others running beside it; null where nothing was computed.</summary>
    public double? Seconds { get; init; }

    /// <summary>Name of the layer whose factor next to the inputs is this one's too, and counted there; null where it has its own.</summary>
    public string? Basis { get; init; }

    /// <summary>The name: what takes names of layers takes the layer.</summary>
    public override string ToString() => Name;

    internal static LayerFactorization From(LayerPlan plan) => new()
    {
        Name = plan.Name,
        Kind = plan.Kind,
        Shape = plan.Shape,
        DType = plan.DType,
        Quantization = plan.Quantization,
        Rank = plan.Rank,
        Ranks = plan.Ranks,
        Method = plan.Made is null ? null : plan.Method,
        Reason = plan.Reason,
        Basis = plan.Basis,
        ParametersBefore = plan.ParametersBefore,
        Parameters = plan.Parameters,
        BytesBefore = plan.BytesBefore,
        Bytes = plan.Bytes,
    };
}
