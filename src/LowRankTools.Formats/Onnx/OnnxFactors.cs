using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Onnx;

/// <summary>Factors in place of a weight of an ONNX graph: the two of a pair, the kernels of a chain of convolutions, the cores of a TT-matrix, or the three of a pivoted pair.</summary>
/// <param name="Weight">Name of the weight, one of <see cref="OnnxFile.ReplaceableWeights"/>.</param>
/// <param name="Factors">Of a pair (in, r) and (r, out), of a table's (entries, r) and (r, features); of a chain outputs x channels of a group x height x width each, in the order in which they are applied.</param>
/// <param name="Chain">What each convolution of a chain takes over; null for a pair.</param>
public sealed record OnnxFactors(string Weight, IReadOnlyList<TensorSpec> Factors, IReadOnlyList<OnnxConvolution>? Chain = null)
{
    /// <summary>What the names of constants end in that the nodes of a TT-matrix or a pivoted pair need, behind that of its first factor.</summary>
    public const string ProductConstant = ".size";

    /// <summary>Whether the factors are cores (r, m, n, r') of a TT-matrix (out, in).</summary>
    public bool IsTrain { get; init; }

    /// <summary>Whether the factors are the pivots (out), rows (r, in) and others (out - r, r) of a pivoted pair.</summary>
    public bool IsPivoted { get; init; }

    /// <summary>Scales of each factor's columns, float32, where the factors are stored as int8; null where they are floats. A chain has none.</summary>
    public IReadOnlyList<TensorSpec>? Scales { get; init; }

    /// <summary>Whether the first factor is an earlier pair's, whose tensor the nodes of both use.</summary>
    public bool SharesFirst { get; init; }

    /// <summary>Oldest version of the operators that has all that the nodes in place of the weight's need.</summary>
    internal int Version => IsPivoted ? OnnxPivotedNodes.Version : IsTrain ? OnnxTrainNodes.Version : Scales is not null ? OnnxPairNodes.DequantizeVersion : 0;

    /// <summary>Tensors in the order in which they are written.</summary>
    public IEnumerable<TensorSpec> Tensors => SharesFirst ? Factors.Skip(1) : Scales is { } scales ? Factors.Zip(scales, (factor, scale) => new[] { factor, scale }).SelectMany(t => t) : Factors;
}

/// <summary>One convolution of a chain in place of a Conv node.</summary>
/// <param name="TakesHeight">Whether the node's stride, padding and dilation of lines, and of planes, are its.</param>
/// <param name="TakesWidth">Whether those of columns are its.</param>
/// <param name="Groups">Groups of channels.</param>
public sealed record OnnxConvolution(bool TakesHeight, bool TakesWidth, int Groups);
