using System.Text.Json.Serialization;
using LowRankTools.Core.Counting;

namespace LowRankTools.Core.Layers;

/// <summary>One tensor of a model, as its header and its name describe it. Its values have not been read.</summary>
public sealed record LayerShape
{
    /// <summary>Full path of the model: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Model { get; init; }

    /// <summary>Name of the tensor, as the file spells it.</summary>
    public required string Name { get; init; }

    /// <summary>What the tensor is.</summary>
    public required LayerKind Kind { get; init; }

    /// <summary>Sizes, slowest first; empty for a scalar.</summary>
    public required Dimensions Shape { get; init; }

    /// <summary>Element type as the format spells it: F32, BF16, Q4_K.</summary>
    public required string DType { get; init; }

    /// <summary>Inputs of the linear map or convolution (of one group); entries of an embedding; null otherwise.</summary>
    public long? InFeatures { get; init; }

    /// <summary>Outputs of the linear map or convolution; features of an embedding; null otherwise.</summary>
    public long? OutFeatures { get; init; }

    /// <summary>Which side of the stored matrix is the input.</summary>
    public WeightOrientation Orientation { get; init; }

    /// <summary>Elements, quantised ones counted logically; a scalar has one. Zero-copy aliases show their own count here
    /// and are counted once by <see cref="ParameterCount"/>.</summary>
    public required long Parameters { get; init; }

    /// <summary>Bytes of the tensor as stored.</summary>
    public required long Bytes { get; init; }

    /// <summary>Whether training would change it.</summary>
    public required bool Trainable { get; init; }

    /// <summary>Name of the earlier tensor whose storage this one shares; null where it has its own.</summary>
    public string? TiedTo { get; init; }

    /// <summary>
    /// Largest rank at which a pair has fewer parameters than the matrix: the largest r with r (in + out) &lt; in out.
    /// Null where the tensor is no matrix of a linear map or an embedding.
    /// </summary>
    public long? BreakEvenRank { get; init; }

    /// <summary>
    /// Rank of the pair that this tensor is one half of, in a factorized model or an adapter, or the largest one of the decomposition that
    /// it is a factor of; null otherwise.
    /// </summary>
    public int? Rank { get; init; }

    /// <summary>Module that this tensor is a part of an adapter for (LoRA); null in models.</summary>
    public string? AdapterFor { get; init; }

    private const int LongestSignalKernel = 32;

    /// <summary>Whether the tensor is a matrix that a low-rank pair can stand for.</summary>
    [JsonIgnore]
    internal bool IsMatrix => Kind is LayerKind.Linear or LayerKind.AttentionPacked or LayerKind.Embedding && InFeatures is not null && Orientation != WeightOrientation.None;

    /// <summary>Whether the tensor is the kernel of a convolution over lines and columns, over a signal or over a volume, which a chain of smaller ones can stand for.</summary>
    [JsonIgnore]
    internal bool IsKernel => IsKernelOf(Kind, Shape);

    /// <summary>
    /// Whether sizes are those of such a kernel. A state dict does not tell a kernel over a signal from other tensors of three sizes; the last size of those that are none,
    /// such as the weights of experts side by side, is as a rule longer than any kernel.
    /// </summary>
    internal static bool IsKernelOf(LayerKind kind, Dimensions sizes) =>
        kind == LayerKind.Conv2d && sizes.Count == 4 || kind == LayerKind.Conv3d && sizes.Count == 5 || kind == LayerKind.Conv1d && sizes.Count == 3 && Math.Min(sizes[0], sizes[2]) <= LongestSignalKernel;

    /// <summary>The name: what takes names of layers takes the layer.</summary>
    public override string ToString() => Name;
}
