namespace LowRankTools.Formats;

/// <summary>Two factors in place of a weight of an ONNX graph.</summary>
/// <param name="Weight">Name of the weight, one of <see cref="OnnxFile.ReplaceableWeights"/>.</param>
/// <param name="First">The factor that is used first: (in, r), of a table (entries, r).</param>
/// <param name="Second">The other: (r, out), of a table (r, features).</param>
public sealed record OnnxPair(string Weight, TensorSpec First, TensorSpec Second);
