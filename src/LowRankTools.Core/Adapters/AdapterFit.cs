using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Formats;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters;

/// <summary>Something about an adapter and a base model that keeps them apart.</summary>
/// <param name="Module">Module of the adapter.</param>
/// <param name="Weight">Weight of the base model; null where it has none for the module.</param>
/// <param name="Problem">What does not fit, in a few words.</param>
public sealed record AdapterMisfit(string Module, string? Weight, string Problem);

/// <summary>Which weight of a base model each module of an adapter belongs to, by names and shapes alone.</summary>
internal sealed class AdapterFit
{
    private const int NamedMisfits = 3;

    private readonly Adapter _adapter;
    private readonly Model _model;
    private readonly BaseOrder _order;
    private readonly HashSet<string> _shared;
    private readonly Dictionary<string, string> _taken = new(StringComparer.Ordinal);
    private readonly List<AdapterTarget> _targets = [];
    private readonly List<AdapterMisfit> _misfits = [];

    private AdapterFit(Adapter adapter, Model model)
    {
        _adapter = adapter;
        _model = model;
        _order = new BaseOrder(model);
        _shared = model.Layers.Where(l => l.Shape.TiedTo is not null).SelectMany(l => new[] { l.Shape.Name, l.Shape.TiedTo! }).ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>Modules that fit, each with its weight.</summary>
    public IReadOnlyList<AdapterTarget> Targets => _targets;

    /// <summary>Modules that do not.</summary>
    public IReadOnlyList<AdapterMisfit> Misfits => _misfits;

    /// <summary>Looks every module up.</summary>
    public static AdapterFit Of(Adapter adapter, Model model)
    {
        AdapterFit fit = new(adapter, model);
        if (adapter.Architecture is { } own && model.File.Metadata.GetValueOrDefault(GgufAdapterKeys.Architecture) is var theirs && own != theirs)
            fit._misfits.Add(new AdapterMisfit("", null, $"the adapter is for architecture '{own}' in GGUF, and the base model is {(theirs is null ? "no such model" : $"of '{theirs}'")}"));
        IReadOnlyDictionary<string, ModelLayer?> layers = new BaseNames(model).Find(adapter.Modules.Select(m => m.Name));
        foreach (AdapterModule module in adapter.Modules)
            fit.Look(module, layers[module.Name]);
        return fit;
    }

    /// <summary>Refuses an adapter of which a module fits nothing.</summary>
    /// <exception cref="LowRankToolsException"><c>AdapterDoesNotFit</c>.</exception>
    public void Require()
    {
        if (_misfits.Count == 0)
            return;
        string named = string.Join("; ", _misfits.Take(NamedMisfits).Select(m => m.Module.Length == 0 ? m.Problem : $"module '{m.Module}' {m.Problem}"));
        string more = _misfits.Count > NamedMisfits ? $"; and {_misfits.Count - NamedMisfits} more" : "";
        throw new LowRankToolsException(CoreErrors.AdapterDoesNotFit, $"{_adapter.Source.Path}: the adapter does not fit {_model.Source.Path}: {named}{more}.",
            "Use the base model that the adapter was trained on. Nothing was written.");
    }

    private void Look(AdapterModule module, ModelLayer? layer)
    {
        if (layer is null)
        {
            bool pair = _model.Record?.Layers.Any(l => LayerNames.Module(l.Name) == module.Name) == true;
            _misfits.Add(new AdapterMisfit(module.Name, null, pair ? "is a low-rank pair in the base model, which Merge-LowRankFactor makes one weight again" : "is none of the base model's"));
            return;
        }
        string weight = layer.Shape.Name;
        (bool fits, bool transposed) = Fits(module, layer);
        string? problem = !fits ? $"adds {Shape(module)} to '{weight}' of shape {layer.Shape.Shape}{(layer.Shape.Orientation == WeightOrientation.InOut ? ", stored (in, out)" : "")}"
            : layer.Shape.Rank is not null ? $"belongs to '{weight}', which is half of a low-rank pair"
            : !TensorConversion.IsWritable(layer.Tensor.DType) && !layer.Tensor.DType.IsQuantized() ? $"belongs to '{weight}' of type {layer.Tensor.DType}, which nothing can be added to"
            : _shared.Contains(weight) ? $"belongs to '{weight}', whose data another tensor shares: merging would change both"
            : !_taken.TryAdd(weight, module.Name) ? $"belongs to '{weight}', as '{_taken[weight]}' does"
            : null;
        RowOrder? order = _order.Of(module.Name, layer, module.OutFeatures);
        problem ??= order is null ? $"belongs to '{weight}' of a GGUF model of which it is not known how rows are ordered: its architecture, or its heads" : null;
        if (problem is null)
            _targets.Add(new AdapterTarget(module, layer, transposed) { Order = order!.Value });
        else
            _misfits.Add(new AdapterMisfit(module.Name, weight, problem));
    }

    private (bool Fits, bool Transposed) Fits(AdapterModule module, ModelLayer layer)
    {
        long[] shape = [.. layer.Tensor.Shape];
        long[] kernel = Trimmed(module.Kernel.Sizes), own = shape.Length > 2 ? Trimmed(shape[2..]) : [];
        bool known = shape.Length > 2 && LayerRecognizer.MatrixShape(layer.Tensor) is not null;
        if (known)
            (shape, own) = (shape[^2..], []);
        if (kernel.Length > 0 || own.Length > 0)
        {
            bool convolution = kernel.SequenceEqual(own) && module.OutFeatures == shape[0] && module.A.Shape[1] == shape[1];
            return (convolution || IsLoraLibConvolution(module, shape), false);
        }
        bool inOut = layer.Shape.Orientation == WeightOrientation.InOut;
        // GGUF stores every weight (out, in), whatever the model that the adapter was trained on did.
        bool turned = (inOut || _adapter.FanInFanOut && _model.File.Format != ModelFormat.Gguf || module.IsEmbedding) && module.OutFeatures == shape[1] && module.InFeatures == shape[0];
        bool straight = !inOut && !module.IsEmbedding && module.OutFeatures == shape[0] && module.InFeatures == shape[1];
        return (turned || straight, turned);
    }

    // loralib's factors of a convolution, (r k, in k) and (out k, r k), whose product's elements are the kernel's in order.
    private bool IsLoraLibConvolution(AdapterModule module, long[] shape) =>
        _adapter.Layout == AdapterLayout.LoraLib && module.Kernel.Count == 0 && shape.Length is 3 or 4 or 5
        && module.OutFeatures * module.InFeatures == shape.Aggregate(1L, (a, b) => a * b)
        && module.InFeatures == shape[1] * shape[2] && module.OutFeatures % shape[0] == 0;

    private static string Shape(AdapterModule module) =>
        module.Kernel.Count == 0 ? $"{module.OutFeatures} x {module.InFeatures}" : $"{module.OutFeatures} x {module.A.Shape[1]} x {module.Kernel}";

    /// <summary>A kernel of one position is none: its convolution is a linear map.</summary>
    private static long[] Trimmed(IReadOnlyList<long> kernel) => kernel.All(k => k == 1) ? [] : [.. kernel];
}
