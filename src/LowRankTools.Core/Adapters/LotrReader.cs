using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters;

/// <summary>
/// Finds the modules of a LoTR adapter (Bershatsky and others, "LoTR: Low Tensor Rank Weight Adaptation", 2024) by the names and shapes of its
/// tensors: Delta_i = s L M_i R with L (out x p) and R (q x in) of a group of layers, M_i (p x q) of each.
/// </summary>
internal sealed class LotrReader
{
    // Beyond this no factor is a low-rank one, and memory would be asked for by a header's word alone.
    private const long MostRank = 1 << 16;

    private readonly ModelSource _source;
    private readonly TensorFile _file;
    private readonly double? _alpha;
    private readonly Dictionary<(LotrPart, string), TensorInfo> _shared = [];

    private LotrReader(ModelSource source, TensorFile file, double? alpha) => (_source, _file, _alpha) = (source, file, alpha);

    /// <summary>Whether a file holds cores of LoTR.</summary>
    public static bool Knows(TensorFile file) => file.Tensors.Any(t => LotrKey.Of(t.Name) is { Part: LotrPart.Core });

    /// <summary>Reads an adapter's header.</summary>
    /// <exception cref="LowRankToolsException"><c>AdapterInvalid</c>.</exception>
    public static Adapter Read(ModelSource source, TensorFile file, double? alpha) => new LotrReader(source, file, alpha).Read();

    private Adapter Read()
    {
        List<(LotrKey Key, TensorInfo Core)> cores = [];
        List<TensorInfo> others = [];
        HashSet<string> modules = new(StringComparer.Ordinal);
        foreach (TensorInfo tensor in _file.Tensors)
        {
            if (LotrKey.Of(tensor.Name) is not { } key)
                others.Add(tensor);
            else if (key.Part != LotrPart.Core)
                _shared[(key.Part, key.Group)] = tensor;
            else if (modules.Add(key.Module))
                cores.Add((key, tensor));
            else
                throw Invalid(tensor, $"is a second core of module '{key.Module}'");
        }
        HashSet<string> used = cores.Select(c => c.Key.Group).ToHashSet(StringComparer.Ordinal);
        foreach (((_, string group), TensorInfo tensor) in _shared)
        {
            if (!used.Contains(group))
                throw Invalid(tensor, $"is shared by layers of group '{group}', of which there is none");
        }
        return new Adapter(_source, _file, null, AdapterLayout.Lotr, [.. cores.Select(c => Module(c.Key, c.Core))], others);
    }

    private AdapterModule Module(LotrKey key, TensorInfo core)
    {
        TensorInfo left = Shared(LotrPart.Left, key, core), right = Shared(LotrPart.Right, key, core);
        foreach (TensorInfo tensor in (TensorInfo[])[left, core, right])
        {
            if (!tensor.DType.IsFloat() || tensor.ElementCount is 0 or > int.MaxValue)
                throw Invalid(tensor, $"of type {tensor.DType} and shape {(Dimensions)tensor.Shape} is no factor");
        }
        if (left.Shape.Length != 2 || core.Shape.Length != 2 || right.Shape.Length is < 2 or > 5 || core.Shape[0] != left.Shape[1] || core.Shape[1] != right.Shape[0])
            throw Invalid(core, $"has shape {(Dimensions)core.Shape}, which does not stand between '{left.Name}' of {(Dimensions)left.Shape} and '{right.Name}' of {(Dimensions)right.Shape}");
        if (core.Shape[0] > MostRank || core.Shape[1] > MostRank || left.Shape[0] * core.Shape[1] > int.MaxValue)
            throw Invalid(core, $"has ranks {(Dimensions)core.Shape}; {MostRank} is the most, and fewer for many outputs");
        return new AdapterModule(_file, key.Module, right, left, Scaling(key.Group, (int)core.Shape[1])) { Core = core };
    }

    private TensorInfo Shared(LotrPart part, LotrKey key, TensorInfo core) => _shared.TryGetValue((part, key.Group), out TensorInfo? tensor) ? tensor
        : throw Invalid(core, $"belongs to group '{key.Group}', whose '{new LotrKey(part, key.Group, "")}' is missing");

    // As kohya's files do, one without alpha means the rank itself.
    private double Scaling(string group, int rank)
    {
        double scaling = _shared.TryGetValue((LotrPart.Alpha, group), out TensorInfo? alpha) ? AdapterReader.Scalar(_source, _file, alpha) / rank : (_alpha ?? rank) / rank;
        return double.IsFinite(scaling) ? scaling : throw Invalid(_shared[(LotrPart.Left, group)], "has a scale that is no number");
    }

    private LowRankToolsException Invalid(TensorInfo tensor, string what) =>
        new(CoreErrors.AdapterInvalid, $"{_source.Path}: tensor '{tensor.Name}' {what}.", "Take the adapter from its source again.");
}
