namespace LowRankTools.Core;

/// <summary>What is to happen to one weight matrix, convolution or embedding.</summary>
public sealed record LayerPlan
{
    /// <summary>Name of the tensor.</summary>
    public required string Name { get; init; }

    /// <summary>What the tensor is.</summary>
    public required LayerKind Kind { get; init; }

    /// <summary>Shape as stored.</summary>
    public required IReadOnlyList<long> Shape { get; init; }

    /// <summary>Rank of the pair; null where the layer stays dense.</summary>
    public int? Rank { get; init; }

    /// <summary>Why the layer stays dense.</summary>
    public KeepReason Reason { get; init; }

    /// <summary>Element type that the factors, or the dense copy, will have.</summary>
    public required string DType { get; init; }

    /// <summary>Parameters of the dense weight.</summary>
    public required long ParametersBefore { get; init; }

    /// <summary>Parameters of what will be written: both factors, and the zero biases that -FirstBias adds.</summary>
    public required long Parameters { get; init; }

    /// <summary>Bytes of the dense weight.</summary>
    public required long BytesBefore { get; init; }

    /// <summary>Bytes of what will be written.</summary>
    public required long Bytes { get; init; }

    /// <summary>Name of the tensor whose factors or storage this one shares; null where it has its own.</summary>
    public string? TiedTo { get; init; }
}
