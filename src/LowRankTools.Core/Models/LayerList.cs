using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Records;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Models;

/// <summary>Makes the layers of a model from its tensors: kinds, orientations, ties, halves of pairs.</summary>
internal sealed class LayerList
{
    private readonly ModelSource _source;
    private readonly LayerRecognizer _recognizer;
    private readonly Dictionary<string, int> _halves = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LayerKind> _kinds = new(StringComparer.Ordinal);
    private readonly AdapterParts? _adapter;
    private readonly Dictionary<string, List<(StorageSpan Span, string Name)>> _storages = new(StringComparer.Ordinal);

    private LayerList(ModelSource source, TensorFile file, FactorizationRecord? record, DecompositionRecord? decompositions)
    {
        _source = source;
        _recognizer = new LayerRecognizer(file.Format, file.Tensors);
        _adapter = AdapterParts.Of(file);
        foreach (FactorizedLayerRecord layer in record?.Layers ?? [])
        {
            foreach (string factor in FactorsRecord.NamesOf(layer))
            {
                _halves[factor] = layer.Rank;
                // Cores of a matrix have four sizes and are no kernels.
                if (layer.Ranks is not null && layer.Kind is not (LayerKind.Conv1d or LayerKind.Conv2d or LayerKind.Conv3d))
                    _kinds[factor] = layer.Kind;
            }
        }
        foreach ((string factor, int rank) in FactorRanks.Of(file, decompositions))
            _halves[factor] = rank;
    }

    public static List<ModelLayer> Build(ModelSource source, TensorFile file, FactorizationRecord? record, DecompositionRecord? decompositions)
    {
        LayerList list = new(source, file, record, decompositions);
        List<ModelLayer> layers = new(file.Tensors.Count);
        foreach (TensorInfo tensor in file.Tensors)
            layers.Add(list.Layer(tensor, list.TiedTo(tensor)));
        layers.AddRange(list.NamedAliases(file, file.Format == ModelFormat.Onnx ? Bases(record) : file.Metadata));
        return layers;
    }

    private ModelLayer Layer(TensorInfo tensor, string? tiedTo)
    {
        bool core = _kinds.TryGetValue(tensor.Name, out LayerKind ofMatrix);
        LayerKind kind = core ? ofMatrix : _recognizer.Kind(tensor);
        WeightOrientation orientation = core ? WeightOrientation.None : _recognizer.Orientation(tensor, kind);
        (long? inFeatures, long? outFeatures) = Features(tensor, kind, orientation);
        return new ModelLayer(tensor, new LayerShape
        {
            Path = _source.Path,
            Model = _source.Name,
            Name = tensor.Name,
            Kind = kind,
            Shape = tensor.Shape,
            DType = tensor.StoredType.ToString(),
            InFeatures = inFeatures,
            OutFeatures = outFeatures,
            Orientation = orientation,
            Parameters = tensor.ElementCount,
            Bytes = tensor.StoredBytes,
            Trainable = kind != LayerKind.Buffer && tensor.Trainable != false,
            TiedTo = tiedTo,
            BreakEvenRank = orientation == WeightOrientation.None ? null : RankBounds.BreakEven(inFeatures!.Value, outFeatures!.Value),
            Rank = _halves.TryGetValue(tensor.Name, out int rank) ? rank : _adapter?.RankOf(tensor),
            AdapterFor = _adapter?.ModuleOf(tensor),
        });
    }

    private static (long? In, long? Out) Features(TensorInfo tensor, LayerKind kind, WeightOrientation orientation)
    {
        if (orientation != WeightOrientation.None && LayerRecognizer.MatrixShape(tensor) is (long rows, long columns))
            return orientation == WeightOrientation.OutIn ? (columns, rows) : (rows, columns);
        if (kind is LayerKind.Conv1d or LayerKind.Conv2d or LayerKind.Conv3d)
        {
            return tensor.Role switch
            {
                TensorRole.ConvolutionChannelsLast => (tensor.Shape[^2], tensor.Shape[^1]),
                TensorRole.TransposedConvolution => (tensor.Shape[0], tensor.Shape[1]),
                TensorRole.TransposedConvolutionChannelsLast => (tensor.Shape[^1], tensor.Shape[^2]),
                _ => (tensor.Shape[1], tensor.Shape[0]),
            };
        }
        return (null, null);
    }

    /// <summary>The first tensor whose part of a shared storage covers this one's.</summary>
    private string? TiedTo(TensorInfo tensor)
    {
        if (tensor.Storage is not { } span || tensor.ElementCount == 0)
            return null;
        if (!_storages.TryGetValue(span.Key, out List<(StorageSpan Span, string Name)>? earlier))
            _storages[span.Key] = earlier = [];
        foreach ((StorageSpan other, string name) in earlier)
        {
            if (other.FirstElement <= span.FirstElement && other.EndElement >= span.EndElement)
                return name;
        }
        earlier.Add((span, tensor.Name));
        return null;
    }

    /// <summary>In a graph the nodes of several layers use one tensor, and only the record knows their names for it.</summary>
    private static Dictionary<string, string> Bases(FactorizationRecord? record) => (record?.Layers ?? []).Where(l => l is { Basis: not null, Ranks: null })
        .DistinctBy(l => new PairNames(l.Name).First, StringComparer.Ordinal).ToDictionary(l => new PairNames(l.Name).First, l => new PairNames(l.Basis!).First, StringComparer.Ordinal);

    /// <summary>
    /// Safetensors has no shared storage: a tied tensor is left out, and the metadata maps its name to the one kept.
    /// </summary>
    private IEnumerable<ModelLayer> NamedAliases(TensorFile file, IReadOnlyDictionary<string, string> names)
    {
        if (file.Format is not (ModelFormat.Safetensors or ModelFormat.Onnx) || names.Count == 0)
            yield break;
        Dictionary<string, TensorInfo> byName = file.Tensors.ToDictionary(t => t.Name, StringComparer.Ordinal);
        foreach ((string alias, string kept) in names.OrderBy(m => m.Key, StringComparer.Ordinal))
        {
            if (byName.TryGetValue(kept, out TensorInfo? tensor) && !byName.ContainsKey(alias))
            {
                TensorInfo named = new(alias, tensor.DType, tensor.Shape, tensor.Source) { Role = tensor.Role, StoredType = tensor.StoredType, StoredBytes = tensor.StoredBytes };
                yield return Layer(named, kept);
            }
        }
    }
}
