using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Layers;

/// <summary>A tensor with what it was recognised as.</summary>
/// <param name="Tensor">The file's view.</param>
/// <param name="Shape">The product's view.</param>
public sealed record ModelLayer(TensorInfo Tensor, LayerShape Shape);
