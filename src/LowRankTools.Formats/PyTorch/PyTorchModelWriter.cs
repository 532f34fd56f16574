using System.Globalization;
using System.Text.Json;
using LowRankTools.Formats.Archives;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.PyTorch;

/// <summary>
/// Writes a state dict as <c>torch.save</c> does: a zip archive of plainly stored records that <c>torch.load</c>
/// opens, also with <c>weights_only=True</c>. The same tensors make the same bytes, whatever the file is called.
/// </summary>
public sealed class PyTorchModelWriter : ITensorWriter
{
    /// <summary>Record that carries the free text; PyTorch does not look at it.</summary>
    internal const string MetadataRecord = "lowrank.json";

    private const string Root = "archive/";

    private readonly string _path;
    private readonly IReadOnlyDictionary<string, string> _metadata;
    private readonly TemporaryFile _file;
    private readonly ZipStoreWriter _zip;
    private readonly List<(TensorSpec Spec, int Storage)> _tensors = [];
    private readonly Dictionary<string, (TensorSpec Spec, int Storage)> _byName = new(StringComparer.Ordinal);
    private int _storages;
    private long _missing;

    /// <summary>Starts a model.</summary>
    /// <param name="path">Full path of the file.</param>
    /// <param name="metadata">Free text that <see cref="PyTorchFile.Metadata"/> shows again.</param>
    /// <param name="place">Whose temporary file it is; null for nobody's.</param>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public PyTorchModelWriter(string path, IReadOnlyDictionary<string, string> metadata, OutputPlace? place = null)
    {
        _path = path;
        _metadata = metadata;
        _file = new TemporaryFile(Path.GetDirectoryName(path)!, place);
        _zip = new ZipStoreWriter(_file);
    }

    /// <summary>Whether PyTorch has an element type.</summary>
    public static bool Supports(TensorDType dtype) => TorchStateDict.Supports(dtype);

    /// <inheritdoc/>
    /// <exception cref="ModelFormatException"><c>DTypeUnsupported</c>: PyTorch has no such type.</exception>
    public void Begin(TensorSpec tensor)
    {
        if (!TorchStateDict.Supports(tensor.DType))
        {
            throw new ModelFormatException(FormatErrors.DTypeUnsupported, $"PyTorch has no type for the {tensor.DType} values of tensor '{tensor.Name}'.",
                _path, tensor.Name, "Write safetensors, or convert to F16 or BF16 with -DType.");
        }
        Register(tensor, _storages);
        _zip.Begin(Root + "data/" + _storages.ToString(CultureInfo.InvariantCulture), tensor.ByteLength);
        _missing = tensor.ByteLength;
        _storages++;
    }

    /// <summary>Writes a tensor that shares all its values with one that was written before, as tied weights do.</summary>
    /// <param name="tensor">The new name; type and number of elements are those of the other tensor.</param>
    /// <param name="existing">Name of a tensor that is already whole.</param>
    /// <exception cref="InvalidOperationException">There is no such tensor, it is of another size or type, or the name was used.</exception>
    public void WriteAlias(TensorSpec tensor, string existing)
    {
        if (!_byName.TryGetValue(existing, out (TensorSpec Spec, int Storage) shared))
            throw new InvalidOperationException($"Tensor '{existing}' was not written before.");
        if (shared.Spec.DType != tensor.DType || shared.Spec.ByteLength != tensor.ByteLength)
            throw new InvalidOperationException($"Tensors '{tensor.Name}' and '{existing}' differ in type or size.");
        Register(tensor, shared.Storage);
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> data)
    {
        if (data.Length > _missing)
            throw new InvalidOperationException($"{data.Length - _missing} bytes more than the tensor's shape needs.");
        _zip.Write(data);
        _missing -= data.Length;
    }

    /// <inheritdoc/>
    public IReadOnlyList<PendingFile> Finish(IReadOnlyDictionary<string, string>? metadata = null)
    {
        metadata ??= _metadata;
        if (_missing != 0)
            throw new InvalidOperationException($"The last tensor lacks {_missing} bytes.");
        _zip.Add(Root + "data.pkl", TorchStateDict.Encode(_tensors));
        _zip.Add(Root + "byteorder", "little"u8);
        if (metadata.Count > 0)
            _zip.Add(Root + MetadataRecord, Encode(metadata));
        _zip.Add(Root + "version", "3\n"u8);
        _zip.Complete();
        _file.Flush();
        return [new PendingFile(_file, _path)];
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>In the order of the keys, so that equal text makes equal bytes.</summary>
    private static byte[] Encode(IReadOnlyDictionary<string, string> metadata)
    {
        Dictionary<string, string> sorted = new(metadata.OrderBy(m => m.Key, StringComparer.Ordinal), StringComparer.Ordinal);
        return JsonSerializer.SerializeToUtf8Bytes(sorted, MetadataJson.Default.DictionaryStringString);
    }

    private void Register(TensorSpec tensor, int storage)
    {
        if (_missing != 0)
            throw new InvalidOperationException($"The tensor before '{tensor.Name}' lacks {_missing} bytes.");
        if (!_byName.TryAdd(tensor.Name, (tensor, storage)))
            throw new InvalidOperationException($"Tensor '{tensor.Name}' was written before.");
        _tensors.Add((tensor, storage));
    }
}
