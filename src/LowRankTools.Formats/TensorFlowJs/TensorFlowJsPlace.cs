using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>Where the bytes of a weight lie as they are stored.</summary>
/// <param name="Weight">The weight; texts are among them.</param>
/// <param name="Group">Number of its group.</param>
/// <param name="Stored">The bytes.</param>
/// <param name="Length">How many.</param>
internal sealed record TensorFlowJsPlace(TensorFlowJsWeight Weight, int Group, ITensorSource Stored, long Length);
