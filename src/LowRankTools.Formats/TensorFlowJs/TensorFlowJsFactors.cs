using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>Factors in place of a weight of a TensorFlow.js graph: the two of a pair, or the kernels of a chain of convolutions.</summary>
/// <param name="Weight">Name of the weight, one of <see cref="TensorFlowJsFile.ReplaceableWeights"/>.</param>
/// <param name="Factors">Of a pair in x r and r x out, of a convolution of size one 1 x 1 in front of both; of a chain height x width x channels x outputs each, in the order in which they are applied.</param>
/// <param name="Chain">What each convolution of a chain takes over; null for a pair.</param>
public sealed record TensorFlowJsFactors(string Weight, IReadOnlyList<TensorSpec> Factors, IReadOnlyList<TensorFlowJsConvolution>? Chain = null);

/// <summary>One convolution of a chain in place of a Conv2D node.</summary>
/// <param name="TakesHeight">Whether the node's step, padding and dilation of lines are its.</param>
/// <param name="TakesWidth">Whether those of columns are its.</param>
public sealed record TensorFlowJsConvolution(bool TakesHeight, bool TakesWidth);
