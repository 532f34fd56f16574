using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Onnx;

/// <summary>An input of an ONNX graph as it is declared.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DType">Element type; null where it is no tensor of numbers, or does not say.</param>
/// <param name="Shape">Its sizes, null for one that is open; null where it does not say.</param>
public sealed record OnnxInput(string Name, TensorDType? DType, IReadOnlyList<long?>? Shape);
