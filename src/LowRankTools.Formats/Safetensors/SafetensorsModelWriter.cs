using System.Globalization;
using System.Text.Json;

namespace LowRankTools.Formats;

/// <summary>
/// Writes a safetensors model: one file, or shards of at most a given size with an index, named as
/// transformers names them (<c>model-00001-of-00003.safetensors</c>).
/// </summary>
public sealed class SafetensorsModelWriter : ITensorWriter
{
    private readonly string _path;
    private readonly string _folder;
    private readonly Dictionary<string, int> _planned = new(StringComparer.Ordinal);
    private readonly IReadOnlyDictionary<string, string> _metadata;
    private readonly long _maxShardBytes;
    private readonly List<SafetensorsWriter> _shards = [];
    private readonly HashSet<string> _written = new(StringComparer.Ordinal);
    private long _missing;
    private long _total;

    /// <summary>Starts a model.</summary>
    /// <param name="path">Full path of the single file; shards and index take their names from it.</param>
    /// <param name="planned">Every tensor that will be written, with its number of dimensions.</param>
    /// <param name="metadata">Free text for the header.</param>
    /// <param name="maxShardBytes">Most bytes of tensor data a file; zero for a single file. A larger tensor gets a file of its own.</param>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public SafetensorsModelWriter(string path, IEnumerable<(string Name, int Dimensions)> planned, IReadOnlyDictionary<string, string> metadata, long maxShardBytes = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxShardBytes);
        _path = path;
        _folder = Path.GetDirectoryName(path)!;
        foreach ((string name, int dimensions) in planned)
            _planned[name] = Math.Max(dimensions, _planned.GetValueOrDefault(name));
        _metadata = metadata;
        _maxShardBytes = maxShardBytes == 0 ? long.MaxValue : maxShardBytes;
        _shards.Add(new SafetensorsWriter(_folder, _planned.Select(t => (t.Key, t.Value)), _metadata));
    }

    /// <summary>Whether the format has a name for an element type.</summary>
    public static bool Supports(TensorDType dtype) => SafetensorsConstants.Holds(dtype);

    /// <inheritdoc/>
    /// <exception cref="ModelFormatException"><c>DTypeUnsupported</c>: safetensors has no name for the type;
    /// <c>TensorSizeMismatch</c>: packed elements do not fill their last byte.</exception>
    public void Begin(TensorSpec tensor)
    {
        Check(tensor);
        if (_missing != 0)
            throw new InvalidOperationException($"The tensor before '{tensor.Name}' lacks {_missing} bytes.");
        if (!_written.Add(tensor.Name))
            throw new InvalidOperationException($"Tensor '{tensor.Name}' was written before.");
        if (_shards[^1].DataBytes > 0 && tensor.ByteLength > _maxShardBytes - _shards[^1].DataBytes)
            _shards.Add(new SafetensorsWriter(_folder, Remaining(tensor), _metadata));
        _shards[^1].Begin(tensor);
        _missing = tensor.ByteLength;
        _total += tensor.ByteLength;
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> data)
    {
        if (data.Length > _missing)
            throw new InvalidOperationException($"{data.Length - _missing} bytes more than the tensor's shape needs.");
        _shards[^1].Write(data);
        _missing -= data.Length;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Complete(IReadOnlyDictionary<string, string>? metadata = null)
    {
        if (_missing != 0)
            throw new InvalidOperationException($"The last tensor lacks {_missing} bytes.");
        foreach (SafetensorsWriter shard in _shards)
            shard.Flush(metadata ?? _metadata);
        if (_shards.Count == 1)
        {
            _shards[0].MoveTo(_path);
            return [_path];
        }
        string[] paths = [.. Enumerable.Range(0, _shards.Count).Select(ShardPath)];
        using TemporaryFile index = new(_folder);
        index.Append(Index(paths));
        index.Flush();
        for (int i = 0; i < paths.Length; i++)
            _shards[i].MoveTo(paths[i]);
        // The index comes last: until it stands, nothing points at the shards.
        string indexPath = _path + ShardIndex.Suffix;
        index.MoveTo(indexPath);
        return [indexPath, .. paths];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SafetensorsWriter shard in _shards)
            shard.Dispose();
    }

    /// <summary>What would make a file that readers refuse is found before the first byte, not after the last.</summary>
    private void Check(TensorSpec tensor)
    {
        if (!_planned.TryGetValue(tensor.Name, out int dimensions) || tensor.Shape.Length > dimensions)
            throw new InvalidOperationException($"No room was made in the header for tensor '{tensor.Name}' of {tensor.Shape.Length} dimensions.");
        if (tensor.Name == SafetensorsConstants.MetadataKey)
            throw new InvalidOperationException($"'{tensor.Name}' is the name of the header's free text.");
        if (!SafetensorsConstants.Holds(tensor.DType))
        {
            throw new ModelFormatException(FormatErrors.DTypeUnsupported, $"Tensor '{tensor.Name}' is of type {tensor.DType}, which safetensors does not have.",
                tensor: tensor.Name, remedy: "Write it as F16, BF16 or F32 with -DType.");
        }
        if (TensorShape.ElementCount(tensor.Shape, tensor.Name) % tensor.DType.BlockElements() != 0)
        {
            throw new ModelFormatException(FormatErrors.TensorSizeMismatch,
                $"Tensor '{tensor.Name}' has elements of type {tensor.DType} that do not fill their last byte.", tensor: tensor.Name);
        }
    }

    private IEnumerable<(string Name, int Dimensions)> Remaining(TensorSpec next) =>
        _planned.Where(t => !_written.Contains(t.Key)).Select(t => (t.Key, t.Value)).Append((next.Name, next.Shape.Length));

    private string ShardPath(int i)
    {
        string stem = Path.GetFileNameWithoutExtension(_path);
        return Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{stem}-{i + 1:D5}-of-{_shards.Count:D5}.safetensors"));
    }

    private byte[] Index(string[] paths)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteStartObject("metadata"u8);
            json.WriteNumber("total_size"u8, _total);
            json.WriteEndObject();
            json.WriteStartObject("weight_map"u8);
            for (int i = 0; i < paths.Length; i++)
            {
                foreach (string name in _shards[i].Names)
                    json.WriteString(name, Path.GetFileName(paths[i]));
            }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return stream.ToArray();
    }
}
