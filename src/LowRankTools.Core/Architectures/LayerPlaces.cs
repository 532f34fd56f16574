using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;

namespace LowRankTools.Core.Architectures;

/// <summary>Where a network has the linear layer or embedding of a file's tensor.</summary>
internal static class LayerPlaces
{
    /// <summary>Places by the names of tensors: several where layers share a weight.</summary>
    public static ILookup<string, Slot> Of(RunnableModel model)
    {
        Dictionary<Parameter, string> tensors = new(ReferenceEqualityComparer.Instance);
        foreach (NamedParameter named in model.Network.StateDict())
        {
            if (model.Tensors.TryGetValue(named.Name, out string? tensor))
                tensors.TryAdd(named.Parameter, tensor);
        }
        IEnumerable<Slot> slots = model.Network.Modules().SelectMany(m => m.Module.Children);
        return slots.Where(s => s.Child is Linear or Embedding).Select(s => (Slot: s, Weight: s.Child is Linear linear ? linear.Weight : ((Embedding)s.Child).Weight))
            .Where(s => tensors.ContainsKey(s.Weight)).ToLookup(s => tensors[s.Weight], s => s.Slot, StringComparer.Ordinal);
    }
}
