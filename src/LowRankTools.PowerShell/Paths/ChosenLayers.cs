using LowRankTools.Core.Layers;

namespace LowRankTools.PowerShell.Paths;

/// <summary>Layers that came down the pipeline, by the model that they are from.</summary>
internal sealed class ChosenLayers
{
    private readonly Dictionary<string, HashSet<string>> _names = new(StringComparer.Ordinal);

    /// <summary>Full paths of the models, in the order in which they came.</summary>
    public IEnumerable<string> Paths => _names.Keys;

    public void Add(LayerShape layer)
    {
        if (!_names.TryGetValue(layer.Path, out HashSet<string>? names))
            _names[layer.Path] = names = new HashSet<string>(StringComparer.Ordinal);
        names.Add(layer.Name);
    }

    /// <summary>Names of the layers of a model; null where none were piped.</summary>
    public IReadOnlySet<string>? Of(string path) => _names.GetValueOrDefault(path);
}
