using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Adapters.Keys;

/// <summary>Which tensors of a file are halves of an adapter's pairs, by names and shapes alone and without judging them.</summary>
internal sealed class AdapterParts
{
    private readonly Dictionary<string, (string? Module, int? Rank)> _parts = new(StringComparer.Ordinal);

    private AdapterParts(AdapterLayout layout) => Layout = layout;

    /// <summary>How the file names its tensors.</summary>
    public AdapterLayout Layout { get; }

    /// <summary>Ranks of the modules.</summary>
    public IReadOnlyCollection<int> Ranks { get; private set; } = [];

    /// <summary>Looks at the tensors of a file; null where they are no adapter's: no module has both halves of a pair.</summary>
    public static AdapterParts? Of(TensorFile file)
    {
        IReadOnlyList<TensorInfo> tensors = AdapterTensors.Of(file);
        if (OfLotr(tensors) is { } lotr)
            return lotr;
        Dictionary<string, Dictionary<AdapterPart, TensorInfo>> modules = new(StringComparer.Ordinal);
        AdapterLayout? layout = null;
        foreach (TensorInfo tensor in tensors)
        {
            if (AdapterKey.Of(tensor.Name) is not { } key)
                continue;
            layout ??= key.Layout;
            if (!modules.TryGetValue(key.Module, out Dictionary<AdapterPart, TensorInfo>? parts))
                modules[key.Module] = parts = [];
            parts.TryAdd(key.Part, tensor);
        }
        List<(string Module, Dictionary<AdapterPart, TensorInfo> Parts)> pairs = [.. modules.Where(m => m.Value.ContainsKey(AdapterPart.A) && m.Value.TryGetValue(AdapterPart.B, out TensorInfo? b)
            && b.Shape is [_, > 0 and <= int.MaxValue, ..]).Select(m => (m.Key, m.Value))];
        if (layout is not { } found || pairs.Count == 0)
            return null;
        AdapterParts all = new(file.Format == ModelFormat.OnnxAdapter ? AdapterLayout.OnnxRuntime : found) { Ranks = [.. pairs.Select(p => (int)p.Parts[AdapterPart.B].Shape[1])] };
        foreach ((string module, Dictionary<AdapterPart, TensorInfo> parts) in pairs)
        {
            foreach ((AdapterPart part, TensorInfo tensor) in parts)
                all._parts[tensor.Name] = (module, part is AdapterPart.A or AdapterPart.B ? (int)parts[AdapterPart.B].Shape[1] : null);
        }
        return all;
    }

    // Shared factors belong to no one module: they have a rank, and no module.
    private static AdapterParts? OfLotr(IReadOnlyList<TensorInfo> tensors)
    {
        List<(LotrKey Key, TensorInfo Tensor)> keys = [.. tensors.Select(t => (Key: LotrKey.Of(t.Name), Tensor: t)).Where(t => t.Key is not null).Select(t => (t.Key!.Value, t.Tensor))];
        List<(LotrKey Key, int Rank)> cores = [.. keys.Where(k => k.Key.Part == LotrPart.Core && k.Tensor.Shape is [> 0 and <= int.MaxValue, > 0 and <= int.MaxValue]).Select(k => (k.Key, (int)k.Tensor.Shape[1]))];
        HashSet<string> whole = keys.Where(k => k.Key.Part == LotrPart.Left).Select(k => k.Key.Group).Intersect(keys.Where(k => k.Key.Part == LotrPart.Right).Select(k => k.Key.Group)).ToHashSet(StringComparer.Ordinal);
        cores.RemoveAll(c => !whole.Contains(c.Key.Group));
        if (cores.Count == 0)
            return null;
        AdapterParts all = new(AdapterLayout.Lotr) { Ranks = [.. cores.Select(c => c.Rank)] };
        Dictionary<string, int> ranks = cores.DistinctBy(c => c.Key.Group).ToDictionary(c => c.Key.Group, c => c.Rank, StringComparer.Ordinal);
        foreach ((LotrKey key, TensorInfo tensor) in keys.Where(k => ranks.ContainsKey(k.Key.Group)))
            all._parts[tensor.Name] = (key.Part == LotrPart.Core ? key.Module : null, key.Part == LotrPart.Alpha ? null : ranks[key.Group]);
        return all;
    }

    /// <summary>The module that a tensor is a part of an adapter for; null for another tensor.</summary>
    public string? ModuleOf(TensorInfo tensor) => _parts.TryGetValue(tensor.Name, out (string? Module, int? Rank) part) ? part.Module : null;

    /// <summary>The rank of the pair that a tensor is half of; null for another tensor.</summary>
    public int? RankOf(TensorInfo tensor) => _parts.TryGetValue(tensor.Name, out (string? Module, int? Rank) part) ? part.Rank : null;
}
