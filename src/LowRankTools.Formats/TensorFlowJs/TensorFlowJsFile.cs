using System.Globalization;
using System.Text.Json;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>
/// A TensorFlow.js model: <c>model.json</c> with its weights in binary shards beside it. Weights quantised to 8 or 16
/// bit integers are described by the type of their values (F32, or I32) and dequantised as they are read; weights
/// quantised to float16 are described as F16, which is what they are. Tensors of texts are not listed
/// (<c>text_tensors</c> in <see cref="TensorFile.Metadata"/> says how many there are).
/// </summary>
public sealed class TensorFlowJsFile : TensorFile
{
    /// <summary>Bytes of a model.json at most; the largest known ones have a few millions.</summary>
    private const int MaxJsonBytes = 100_000_000;

    private readonly List<ModelFileHandle> _shards = [];
    private readonly List<TensorInfo> _tensors = [];
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly List<TensorFlowJsPlace> _places = [];
    private readonly byte[] _json;
    private readonly HashSet<string> _replaceable;

    /// <summary>Opens a model.json and its shards.</summary>
    /// <param name="path">Full path of the model.json.</param>
    /// <exception cref="ModelFormatException">The file is no model.json, or its shards are missing or of another length.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public TensorFlowJsFile(string path)
    {
        Path = path;
        _json = ReadJson(path);
        try
        {
            using JsonDocument document = Parse();
            _replaceable = Read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            Dispose(disposing: true);
            throw new ModelFormatException(FormatErrors.HeaderInvalid, $"This is not the JSON of a TensorFlow.js model: {e.Message}", path, inner: e);
        }
        catch
        {
            Dispose(disposing: true);
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override ModelFormat Format => ModelFormat.TensorFlowJs;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors => _tensors;

    /// <summary>Kind of model, and what made it.</summary>
    public override IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files => [Path, .. _shards.Select(f => f.Path)];

    /// <summary>Bytes of model.json and its shards on disk: quantised weights take less there than their values do.</summary>
    public override long FileBytes => _json.Length + _shards.Sum(f => f.Length);

    /// <summary>Whether it is a graph model: nodes, and no layers of Keras, say what is computed.</summary>
    public bool IsGraph => NodeNames.Count > 0;

    /// <summary>
    /// Weights that the graph multiplies by, by matrix products or convolutions over lines and columns, and uses in no other way: those in whose
    /// place <see cref="TensorFlowJsModelWriter"/> can put factors.
    /// </summary>
    public IReadOnlySet<string> ReplaceableWeights => _replaceable;

    /// <summary>Names of the graph's nodes.</summary>
    internal HashSet<string> NodeNames { get; } = new(StringComparer.Ordinal);

    /// <summary>Every weight as it is stored, in the order of the manifest.</summary>
    internal IReadOnlyList<TensorFlowJsPlace> Places => _places;

    /// <summary>The model.json with factors in place of weights.</summary>
    /// <param name="factors">By the name of the weight.</param>
    /// <param name="metadata">Free text.</param>
    /// <param name="groups">Entries and shards of each group.</param>
    /// <exception cref="ModelFormatException"><c>HeaderInvalid</c>: a text of it, which nothing had to read before, is no Unicode.</exception>
    internal byte[] Rewritten(IReadOnlyDictionary<string, TensorFlowJsFactors> factors, IReadOnlyDictionary<string, string> metadata, IReadOnlyList<(IReadOnlyList<string> Entries, IReadOnlyList<string> Paths)> groups)
    {
        using JsonDocument document = Parse();
        try
        {
            return TensorFlowJsText.Write(document.RootElement, factors, metadata, groups);
        }
        catch (InvalidOperationException e)
        {
            throw new ModelFormatException(FormatErrors.HeaderInvalid, $"A text of the JSON cannot be written again: {e.Message}", Path, inner: e);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (ModelFileHandle shard in _shards)
            shard.Dispose();
    }

    private static byte[] ReadJson(string path)
    {
        using ModelFileHandle file = new(path);
        if (file.Length > MaxJsonBytes)
            throw new ModelFormatException(FormatErrors.HeaderTooLarge, $"The JSON is {file.Length} bytes long; {MaxJsonBytes} are allowed.", path);
        byte[] json = new byte[file.Length];
        file.ReadExactly(0, json, FormatErrors.HeaderTruncated);
        return json;
    }

    private static ReadOnlyMemory<byte> TrimMark(byte[] json) => json.AsSpan().StartsWith("\uFEFF"u8) ? json.AsMemory(3) : json;

    private JsonDocument Parse() => JsonDocument.Parse(TrimMark(_json), new JsonDocumentOptions { MaxDepth = 128 });

    private HashSet<string> Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty(TensorFlowJsManifest.Key, out JsonElement manifest))
        {
            throw new ModelFormatException(FormatErrors.UnknownFormat, "This JSON is no TensorFlow.js model: it has no weightsManifest.", Path,
                remedy: "Name the weight file itself.");
        }
        foreach (string key in new[] { "format", "generatedBy", "convertedBy" })
        {
            if (root.TryGetProperty(key, out JsonElement text) && text.ValueKind == JsonValueKind.String)
                _metadata[key] = text.GetString()!;
        }
        if (root.TryGetProperty(TensorFlowJsText.UserMetadata, out JsonElement texts) && texts.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty text in texts.EnumerateObject().Where(t => t.Value.ValueKind == JsonValueKind.String))
                _metadata[text.Name] = text.Value.GetString()!;
        }
        TensorFlowRoles roles = new(root.TryGetProperty("modelTopology", out JsonElement topology) ? topology : default);
        HashSet<string> names = new(StringComparer.Ordinal);
        int count = 0, number = 0;
        foreach (TensorFlowJsGroup group in TensorFlowJsManifest.Read(manifest))
            count += Read(group, number++, names, roles);
        if (count > 0)
            _metadata["text_tensors"] = count.ToString(CultureInfo.InvariantCulture);
        NodeNames.UnionWith(TensorFlowGraph.Items(topology, "node").Select(n => TensorFlowGraph.Text(n, "name")).OfType<string>());
        return TensorFlowSites.Find(topology, _places.Select(p => p.Weight));
    }

    /// <summary>Describes a group's weights; returns how many hold texts.</summary>
    private int Read(TensorFlowJsGroup group, int number, HashSet<string> names, TensorFlowRoles roles)
    {
        int texts = 0;
        TensorFlowJsShards shards = new([.. group.Paths.Select(OpenShard)]);
        foreach (TensorFlowJsWeight weight in group.Weights)
        {
            if (!names.Add(weight.Name))
                throw new ModelFormatException(FormatErrors.DuplicateTensor, $"Tensor '{weight.Name}' stands twice in the manifest.", tensor: weight.Name);
            long from = shards.Position;
            if (weight.DType == "string")
            {
                shards.SkipTexts(TensorShape.ElementCount(weight.Shape, weight.Name), weight.Name);
                texts++;
            }
            else
                _tensors.Add(TensorFlowJsElements.Describe(weight, shards, roles));
            _places.Add(new TensorFlowJsPlace(weight, number, shards.Taken(from), shards.Position - from));
        }
        if (shards.Left > 0)
            throw new ModelFormatException(FormatErrors.DataHole, $"{shards.Left} bytes at the end of '{group.Paths[^1]}' belong to no tensor.");
        return texts;
    }

    private ModelFileHandle OpenShard(string name)
    {
        string path = SiblingPath.Resolve(Path, name);
        ModelFileHandle? shard = _shards.Find(f => f.Path == path);
        if (shard is null)
            _shards.Add(shard = new ModelFileHandle(path));
        return shard;
    }
}
