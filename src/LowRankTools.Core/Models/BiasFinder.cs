using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Models;

/// <summary>Which bias belongs to which weight, in PyTorch's naming.</summary>
internal sealed class BiasFinder(IReadOnlyList<ModelLayer> layers)
{
    private readonly Dictionary<string, LayerShape> _shapes = layers.ToDictionary(l => l.Shape.Name, l => l.Shape, StringComparer.Ordinal);

    /// <summary>Name of the vector that is added to a linear map's output; null where there is none. Embeddings have none.</summary>
    public string? Of(LayerShape weight)
    {
        string name = LayerNames.Bias(weight.Name);
        return weight.Kind != LayerKind.Embedding
            && _shapes.TryGetValue(name, out LayerShape? bias)
            && bias.Shape.Count == 1 && bias.Shape[0] == weight.OutFeatures ? name : null;
    }
}
