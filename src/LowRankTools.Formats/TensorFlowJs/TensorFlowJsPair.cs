namespace LowRankTools.Formats;

/// <summary>The pair that takes the place of a weight of a TensorFlow.js graph.</summary>
/// <param name="Weight">Name of the weight.</param>
/// <param name="First">A, in x r; of a convolution of size one 1 x 1 x in x r.</param>
/// <param name="Second">B, r x out; of a convolution of size one 1 x 1 x r x out.</param>
public sealed record TensorFlowJsPair(string Weight, TensorSpec First, TensorSpec Second);
