using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Formats;

namespace LowRankTools.Core.Adapters;

/// <summary>The order that rows of an adapter's modules have in a base model: another one than PyTorch's in GGUF models of some families.</summary>
/// <param name="model">The base model.</param>
internal sealed class BaseOrder(Model model)
{
    private readonly GgufFamily? _family = GgufFamily.Of(model.File);

    /// <summary>
    /// How rows are moved there; null where that is not known. An adapter that calls a module as PyTorch's model does was trained on that one, and has its order;
    /// one that calls it as the GGUF model does has the order already.
    /// </summary>
    /// <param name="module">What the adapter calls the module.</param>
    /// <param name="layer">Its weight in the base model.</param>
    /// <param name="outputs">Rows.</param>
    public RowOrder? Of(string module, ModelLayer layer, long outputs)
    {
        string own = LayerNames.Module(layer.Shape.Name);
        return model.File.Format != ModelFormat.Gguf || module == own ? RowOrder.Same : _family?.OrderOf(own, outputs);
    }
}
