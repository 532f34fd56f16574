using System.Text.Json;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Safetensors;

/// <summary>
/// Writes a safetensors model: one file, or shards of at most a given size with an index, named as
/// transformers names them (<c>model-00001-of-00003.safetensors</c>).
/// </summary>
public sealed class SafetensorsModelWriter : ITensorWriter
{
    private readonly string _path;
    private readonly string _folder;
    private readonly IReadOnlyList<TensorSpec> _tensors;
    private readonly IReadOnlyDictionary<string, string> _metadata;
    private readonly List<SafetensorsWriter> _shards = [];
    private readonly List<IReadOnlyList<TensorSpec>> _groups;
    private readonly OutputPlace? _place;
    private readonly int _generation;
    private readonly ShardSet? _set;
    private readonly AnnouncedTensors _announced;
    private TemporaryFile? _index;

    /// <summary>Starts a model.</summary>
    /// <param name="path">Full path of the single file; shards and index take their names from it.</param>
    /// <param name="tensors">Every tensor that will be written, in order.</param>
    /// <param name="metadata">Free text for the header, or text as long as it at most gets.</param>
    /// <param name="maxShardBytes">Most bytes of tensor data a file; zero for a single file. A larger tensor gets a file of its own.</param>
    /// <param name="place">Whose temporary files they are; null for nobody's.</param>
    /// <param name="generation">Which names shards get, <see cref="ShardNames"/>.</param>
    /// <exception cref="ModelFormatException"><c>DTypeUnsupported</c>: safetensors has no name for a type;
    /// <c>TensorSizeMismatch</c>: packed elements do not fill their last byte; <c>HeaderInvalid</c>: a tensor has the name
    /// of the header's free text; <c>DuplicateTensor</c>: two have one name; <c>HeaderTooLarge</c>.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public SafetensorsModelWriter(string path, IEnumerable<TensorSpec> tensors, IReadOnlyDictionary<string, string> metadata, long maxShardBytes = 0,
        OutputPlace? place = null, int generation = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxShardBytes);
        _path = path;
        _folder = Path.GetDirectoryName(path)!;
        _tensors = [.. tensors];
        _announced = new AnnouncedTensors(_tensors);
        _place = place;
        _generation = generation;
        try
        {
            Check(_tensors);
            _groups = Groups(_tensors, maxShardBytes);
            _set = _groups.Count > 1 ? new ShardSet() : null;
            _metadata = WithSet(metadata, ShardSet.Unknown);
            _shards.Add(new SafetensorsWriter(_folder, _groups[0], _metadata, place));
        }
        catch (ModelFormatException e)
        {
            throw e.In(path);
        }
    }

    /// <summary>How many files a model's tensors take.</summary>
    /// <param name="tensors">Every tensor, in order.</param>
    /// <param name="maxShardBytes">Most bytes of tensor data a file; zero for a single file.</param>
    public static int CountFiles(IEnumerable<TensorSpec> tensors, long maxShardBytes) => Groups(tensors, maxShardBytes).Count;

    /// <summary>Identity of the shards, known when they are finished; null for a single file.</summary>
    public string? Set { get; private set; }

    /// <summary>Whether the format has a name for an element type.</summary>
    public static bool Supports(TensorDType dtype) => SafetensorsConstants.Holds(dtype);

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The tensor is not the next one that was announced.</exception>
    public void Begin(TensorSpec tensor)
    {
        _announced.Begin(tensor);
        if (_announced.Begun > _groups.Take(_shards.Count).Sum(g => g.Count))
            _shards.Add(new SafetensorsWriter(_folder, _groups[_shards.Count], _metadata, _place));
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> data)
    {
        _announced.Take(data.Length);
        _shards[^1].Write(data);
        _set?.Add(data);
    }

    /// <inheritdoc/>
    public IReadOnlyList<PendingFile> Finish(IReadOnlyDictionary<string, string>? metadata = null)
    {
        _announced.RequireAll();
        metadata ??= _metadata;
        string? set = Set = _set?.Complete(_tensors, WithSet(metadata, null));
        metadata = WithSet(metadata, set);
        foreach (SafetensorsWriter shard in _shards)
            shard.Flush(metadata);
        if (set is null)
            return [new PendingFile(_shards[0].File, _path)];
        IReadOnlyList<string> paths = ShardNames.Of(_path, _shards.Count, _generation);
        _index = new TemporaryFile(_folder, _place);
        _index.Append(Index(paths, set));
        _index.Flush();
        // The index comes last: until it stands, nothing points at the shards.
        return [.. _shards.Zip(paths, (shard, path) => new PendingFile(shard.File, path)), new PendingFile(_index, _path + ShardNames.IndexSuffix)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _set?.Dispose();
        _index?.Dispose();
        foreach (SafetensorsWriter shard in _shards)
            shard.Dispose();
    }

    /// <summary>The free text of a file: shards carry their set's identity, a single file carries none, nor one that it was copied with.</summary>
    private Dictionary<string, string> WithSet(IReadOnlyDictionary<string, string> metadata, string? set)
    {
        Dictionary<string, string> text = new(metadata, StringComparer.Ordinal);
        text.Remove(ShardSet.Key);
        if (_set is not null && set is not null)
            text[ShardSet.Key] = set;
        return text;
    }

    /// <summary>What would make a file that readers refuse is found before the first byte, not after the last.</summary>
    private static void Check(IReadOnlyList<TensorSpec> tensors)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (TensorSpec tensor in tensors)
        {
            if (!names.Add(tensor.Name))
                throw new ModelFormatException(FormatErrors.DuplicateTensor, $"Two tensors are called '{tensor.Name}'.", tensor: tensor.Name,
                    remedy: "Rename one of them in the program that made the model.");
            if (tensor.Name == SafetensorsConstants.MetadataKey)
                throw new ModelFormatException(FormatErrors.HeaderInvalid, $"'{tensor.Name}' is the name of the header's free text.", tensor: tensor.Name,
                    remedy: "Write PyTorch's format, or rename the tensor in the program that made the model.");
            if (!Supports(tensor.DType))
            {
                throw new ModelFormatException(FormatErrors.DTypeUnsupported, $"Tensor '{tensor.Name}' is of type {tensor.DType}, which safetensors does not have.",
                    tensor: tensor.Name, remedy: "Write it as F16, BF16 or F32 with -DType.");
            }
            if (TensorShape.ElementCount(tensor.Shape, tensor.Name) % tensor.DType.BlockElements() != 0)
            {
                throw new ModelFormatException(FormatErrors.TensorSizeMismatch,
                    $"Tensor '{tensor.Name}' has elements of type {tensor.DType} that do not fill their last byte.", tensor: tensor.Name,
                    remedy: "Write it as F16, BF16 or F32 with -DType.");
            }
        }
    }

    /// <summary>Fills one file after another, in order; there is at least one.</summary>
    private static List<IReadOnlyList<TensorSpec>> Groups(IEnumerable<TensorSpec> tensors, long maxShardBytes)
    {
        long most = maxShardBytes == 0 ? long.MaxValue : maxShardBytes;
        List<TensorSpec> group = [];
        List<IReadOnlyList<TensorSpec>> groups = [group];
        long bytes = 0;
        foreach (TensorSpec tensor in tensors)
        {
            if (bytes > 0 && tensor.ByteLength > most - bytes)
            {
                groups.Add(group = []);
                bytes = 0;
            }
            group.Add(tensor);
            bytes += tensor.ByteLength;
        }
        return groups;
    }

    private byte[] Index(IReadOnlyList<string> paths, string set)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteStartObject("metadata"u8);
            json.WriteNumber("total_size"u8, _tensors.Sum(t => t.ByteLength));
            json.WriteString(ShardSet.Key, set);
            json.WriteEndObject();
            json.WriteStartObject("weight_map"u8);
            for (int i = 0; i < paths.Count; i++)
            {
                foreach (TensorSpec tensor in _shards[i].Tensors)
                    json.WriteString(tensor.Name, Path.GetFileName(paths[i]));
            }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return stream.ToArray();
    }
}
