using LowRankTools.Decompositions.Tensors;

namespace LowRankTools.Decompositions;

/// <summary>One of the tensors that a decomposition consists of.</summary>
/// <param name="Name">Name among its factors, such as <c>core0</c>: in a file it stands behind the name of what was decomposed.</param>
/// <param name="Values">Its entries.</param>
public sealed record NamedFactor(string Name, Tensor Values);
