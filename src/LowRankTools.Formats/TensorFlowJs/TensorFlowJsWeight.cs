using System.Collections.Immutable;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>One entry of a weights manifest.</summary>
/// <param name="Name">Name of the weight: of the graph's Const node, or of the Keras variable.</param>
/// <param name="DType">Element type that the model computes with.</param>
/// <param name="Shape">Sizes.</param>
/// <param name="Quantization">How the stored numbers become values, where they are quantised.</param>
internal sealed record TensorFlowJsWeight(string Name, string DType, ImmutableArray<long> Shape, TensorFlowJsQuantization? Quantization)
{
    /// <summary>The entry as it was read, JSON.</summary>
    public required string Entry { get; init; }
}

/// <summary>Affine quantisation: value = number * scale + minimum.</summary>
/// <param name="DType">What is stored: <c>uint8</c>, <c>uint16</c>, or <c>float16</c>, which has no scale.</param>
/// <param name="Scale">Step.</param>
/// <param name="Minimum">Value of the number zero.</param>
internal sealed record TensorFlowJsQuantization(string DType, double Scale, double Minimum);

/// <summary>Weights that follow each other in the joined bytes of some shards.</summary>
/// <param name="Paths">Names of the shards, in order.</param>
/// <param name="Weights">The weights, in order.</param>
internal sealed record TensorFlowJsGroup(IReadOnlyList<string> Paths, IReadOnlyList<TensorFlowJsWeight> Weights);
