using System.Globalization;
using System.Text.Json;

namespace LowRankTools.Formats;

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
    private readonly long _jsonBytes;

    /// <summary>Opens a model.json and its shards.</summary>
    /// <param name="path">Full path of the model.json.</param>
    /// <exception cref="ModelFormatException">The file is no model.json, or its shards are missing or of another length.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public TensorFlowJsFile(string path)
    {
        Path = path;
        byte[] json = ReadJson(path);
        _jsonBytes = json.Length;
        try
        {
            using JsonDocument document = JsonDocument.Parse(TrimMark(json), new JsonDocumentOptions { MaxDepth = 128 });
            Read(document.RootElement);
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
    public override long FileBytes => _jsonBytes + _shards.Sum(f => f.Length);

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

    private void Read(JsonElement root)
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
        TensorFlowRoles roles = new(root.TryGetProperty("modelTopology", out JsonElement topology) ? topology : default);
        HashSet<string> names = new(StringComparer.Ordinal);
        int texts = 0;
        foreach (TensorFlowJsGroup group in TensorFlowJsManifest.Read(manifest))
            texts += Read(group, names, roles);
        if (texts > 0)
            _metadata["text_tensors"] = texts.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Describes a group's weights; returns how many hold texts.</summary>
    private int Read(TensorFlowJsGroup group, HashSet<string> names, TensorFlowRoles roles)
    {
        int texts = 0;
        TensorFlowJsShards shards = new([.. group.Paths.Select(OpenShard)]);
        foreach (TensorFlowJsWeight weight in group.Weights)
        {
            if (!names.Add(weight.Name))
                throw new ModelFormatException(FormatErrors.DuplicateTensor, $"Tensor '{weight.Name}' stands twice in the manifest.", tensor: weight.Name);
            if (weight.DType == "string")
            {
                shards.SkipTexts(TensorShape.ElementCount(weight.Shape, weight.Name), weight.Name);
                texts++;
                continue;
            }
            _tensors.Add(TensorFlowJsElements.Describe(weight, shards, roles));
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
