using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;

namespace LowRankTools.Core.Adapters;

/// <summary>Finds the weights of a base model by the names that adapters have for its modules.</summary>
internal sealed class BaseNames
{
    private readonly ModuleNames<ModelLayer> _names;

    public BaseNames(Model model)
    {
        Dictionary<string, ModelLayer> modules = new(StringComparer.Ordinal);
        foreach (ModelLayer layer in model.Layers.Where(l => l.Tensor.Shape.Length >= 2))
        {
            string module = LayerNames.Module(layer.Shape.Name);
            // Where a tensor is called as another one's module, the weight is meant.
            if (!modules.ContainsKey(module) || module != layer.Shape.Name)
                modules[module] = layer;
        }
        _names = new ModuleNames<ModelLayer>(modules, GgufFamily.Of(model.File));
    }

    /// <summary>The weight of each module, by its name; null where there is none. One rule holds for all modules of a network.</summary>
    public IReadOnlyDictionary<string, ModelLayer?> Find(IEnumerable<string> modules) => _names.Find(modules);
}
