using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Formats;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>Names and orders of rows that the modules of an adapter have in another layout.</summary>
internal sealed class ConvertedNames
{
    private readonly Dictionary<string, (string Name, RowOrder Apply, RowOrder Undo)> _modules = new(StringComparer.Ordinal);

    private ConvertedNames(bool fanInFanOut, string? architecture)
    {
        FanInFanOut = fanInFanOut;
        Architecture = architecture;
    }

    /// <summary>Whether the model that the converted adapter belongs to stores weights (in, out).</summary>
    public bool FanInFanOut { get; }

    /// <summary>Architecture of a GGUF model; null where the converted adapter is for another one.</summary>
    public string? Architecture { get; }

    /// <summary>Inputs of a graph that the factors are put to, by the module's name there; null where the converted adapter is for no graph.</summary>
    public IReadOnlyDictionary<string, GraphParameters.Place>? Parameters { get; private init; }

    /// <summary>Finds every module's name.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="parameters">The inputs of the graph that it is for; null where it is for none.</param>
    /// <param name="rank">Rank that a module will have.</param>
    /// <exception cref="LowRankToolsException"><c>AdapterDoesNotFit</c>.</exception>
    public static ConvertedNames Of(Adapter adapter, GraphParameters parameters, Func<AdapterModule, int> rank)
    {
        IReadOnlyDictionary<string, GraphParameters.Place> places = parameters.Find(adapter, rank);
        ConvertedNames names = new(fanInFanOut: false, architecture: null) { Parameters = places.Values.ToDictionary(p => p.Module, StringComparer.Ordinal) };
        foreach (AdapterModule module in adapter.Modules)
            names._modules[module.Name] = (places[module.Name].Module, RowOrder.Same, RowOrder.Same);
        return names;
    }

    /// <summary>Finds every module's name.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: a GGUF model is needed; <c>AdapterDoesNotFit</c>; <c>AdapterUnsupported</c>: a name is not known.</exception>
    public static ConvertedNames Of(Adapter adapter, Model? model, AdapterLayout layout)
    {
        RequireBase(adapter.Source, adapter.Layout, layout, model);
        if (model is null)
            return Own(adapter);
        AdapterFit fit = AdapterFit.Of(adapter, model);
        fit.Require();
        return adapter.Layout == AdapterLayout.Gguf && layout != AdapterLayout.Gguf ? FromGguf(adapter, model, fit) : ToBase(adapter, model, fit, layout);
    }

    /// <summary>Checks that the base model is of the kind that a conversion needs: a GGUF model to or from GGUF, PyTorch's or none elsewhere.</summary>
    /// <param name="source">The adapter.</param>
    /// <param name="own">Its layout.</param>
    /// <param name="layout">The layout that is asked for.</param>
    /// <param name="model">The base model.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public static void RequireBase(ModelSource source, AdapterLayout own, AdapterLayout layout, Model? model)
    {
        bool from = own == AdapterLayout.Gguf, to = layout == AdapterLayout.Gguf;
        if (from != to && model?.File.Format != ModelFormat.Gguf)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{source.Path}: names and orders of rows in GGUF are a GGUF model's.", "Give the GGUF model that the adapter is for as -BasePath: its header is all that is read.");
        if (!from && !to && model?.File.Format == ModelFormat.Gguf)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{source.Path}: an adapter in {layout} is for PyTorch's model, and the base model is in GGUF.", "Give PyTorch's model as -BasePath, or write Gguf with -Layout.");
    }

    /// <summary>The name of a module.</summary>
    public string NameOf(AdapterModule module) => _modules[module.Name].Name;

    /// <summary>Puts rows into the order that they have there.</summary>
    public void Reorder(AdapterModule module, Matrix<float> b)
    {
        _modules[module.Name].Apply.Apply(b);
        _modules[module.Name].Undo.Undo(b);
    }

    private static ConvertedNames Own(Adapter adapter)
    {
        ConvertedNames names = new(adapter.FanInFanOut, adapter.Architecture);
        foreach (AdapterModule module in adapter.Modules)
            names._modules[module.Name] = (module.Name, RowOrder.Same, RowOrder.Same);
        return names;
    }

    private static ConvertedNames ToBase(Adapter adapter, Model model, AdapterFit fit, AdapterLayout layout)
    {
        bool turned = fit.Targets.Where(t => !t.Module.IsEmbedding).ToArray() is { Length: > 0 } linear && linear.All(t => t.Transposed);
        ConvertedNames names = new(turned, layout == AdapterLayout.Gguf ? model.File.Metadata.GetValueOrDefault(GgufAdapterKeys.Architecture) : null);
        foreach (AdapterTarget target in fit.Targets)
        {
            if (target.Module.Kernel.Count == 0 && target.Layer.Tensor.Shape.Length > 2 && LayerRecognizer.MatrixShape(target.Layer.Tensor) is null && target.Layer.Tensor.Shape.Skip(2).Any(s => s != 1))
                throw new LowRankToolsException(CoreErrors.AdapterUnsupported, $"{adapter.Source.Path}: module '{target.Module.Name}' holds a convolution as loralib does, which is no pair of two convolutions.", "Merge it with Merge-LoraAdapter, and export the difference.");
            // Kohya's programs know modules by the names that they gave them.
            string name = layout == AdapterLayout.Kohya ? target.Module.Name : LayerNames.Module(target.Layer.Shape.Name);
            names._modules[target.Module.Name] = (name, target.Order, RowOrder.Same);
        }
        return names;
    }

    private static ConvertedNames FromGguf(Adapter adapter, Model model, AdapterFit fit)
    {
        GgufFamily family = GgufFamily.Of(model.File)
            ?? throw new LowRankToolsException(CoreErrors.AdapterUnsupported, $"{adapter.Source.Path}: the names that PyTorch's models of architecture '{adapter.Architecture}' have are not known here.", "Convert adapters of llama, granite, qwen2, qwen3, gemma, gemma2, gemma3, phi3 or gpt2.");
        ConvertedNames names = new(family.FanInFanOut, null);
        foreach (AdapterTarget target in fit.Targets)
        {
            string own = target.Module.Name;
            if (family.FromGguf(own) is not { } name || family.OrderOf(own, target.Module.OutFeatures) is not { } order)
                throw new LowRankToolsException(CoreErrors.AdapterUnsupported, $"{adapter.Source.Path}: module '{own}' has a name, or an order of rows, that is not known here.", "Leave it out of the adapter.");
            names._modules[own] = (name, RowOrder.Same, order);
        }
        return names;
    }
}
