using System.Buffers.Binary;
using System.Text;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Gguf;

/// <summary>
/// Writes a GGUF file of version 3, tensor by tensor. Key-values of the model that it is made from are copied byte for byte,
/// whatever their types; the alignment is that model's too.
/// </summary>
public sealed class GgufModelWriter : ITensorWriter
{
    private const int PieceBytes = 1 << 20;

    private readonly string _path;
    private readonly TensorSpec[] _tensors;
    private readonly TemporaryFile _file;
    private readonly long _alignment;
    private readonly AnnouncedTensors _announced;
    private readonly Dictionary<string, (long Position, int Bytes)> _texts = new(StringComparer.Ordinal);

    /// <summary>Starts a file and writes its header.</summary>
    /// <param name="path">Full path of the file.</param>
    /// <param name="source">Whose key-values go along, and stay open while this is constructed; null for none.</param>
    /// <param name="tensors">Every tensor that will be written, in order.</param>
    /// <param name="values">Key-values in place of the source's of the same keys, and before them.</param>
    /// <param name="metadata">Texts to add, or texts as long as they at most get: they may give way to shorter ones when the file is finished.</param>
    /// <param name="without">Keys of the source that do not go along.</param>
    /// <param name="place">Whose temporary file it is; null for nobody's.</param>
    /// <exception cref="ModelFormatException"><c>DTypeUnsupported</c>: ggml has no number for a type; <c>TensorSizeMismatch</c>: rows that blocks do
    /// not fill; <c>DuplicateTensor</c>; <c>HeaderInvalid</c>: a name or a shape that ggml does not load, or an alignment
    /// beyond reason.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public GgufModelWriter(string path, GgufFile? source, IEnumerable<TensorSpec> tensors, IReadOnlyList<GgufValue> values,
        IReadOnlyDictionary<string, string> metadata, IReadOnlyList<string>? without = null, OutputPlace? place = null)
    {
        _path = path;
        _tensors = [.. tensors];
        _announced = new AnnouncedTensors(_tensors);
        _alignment = source?.Alignment ?? GgufConstants.DefaultAlignment;
        try
        {
            // Padding is written to the disk: a header must not ask for gigabytes of it.
            if (_alignment > GgufConstants.MostWrittenAlignment)
                throw new ModelFormatException(FormatErrors.HeaderInvalid, $"An alignment of {_alignment} is more than the {GgufConstants.MostWrittenAlignment} that are written.", remedy: "Write safetensors.");
            Check(_tensors);
        }
        catch (ModelFormatException e)
        {
            throw e.In(path);
        }
        _file = new TemporaryFile(Path.GetDirectoryName(path)!, place);
        try
        {
            WriteHeader(source, values, metadata, without ?? []);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>Whether ggml has a number for an element type.</summary>
    public static bool Supports(TensorDType dtype) => GgufTensorTypes.Number(dtype) is not null;

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The tensor is not the next one that was announced.</exception>
    public void Begin(TensorSpec tensor)
    {
        _announced.Begin(tensor);
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> data)
    {
        _announced.Take(data.Length);
        _file.Append(data);
        // ggml wants whole multiples of the alignment, the last tensor's end too.
        if (_announced.Missing == 0)
            Pad();
    }

    /// <inheritdoc/>
    public IReadOnlyList<PendingFile> Finish(IReadOnlyDictionary<string, string>? metadata = null)
    {
        _announced.RequireAll();
        foreach ((string key, string value) in metadata ?? new Dictionary<string, string>())
        {
            (long position, int bytes) = _texts[key];
            _file.Patch(position, GgufValue.Text(key, value, bytes).Bytes);
        }
        _file.Flush();
        return [new PendingFile(_file, _path)];
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private void WriteHeader(GgufFile? source, IReadOnlyList<GgufValue> values, IReadOnlyDictionary<string, string> metadata, IReadOnlyList<string> without)
    {
        HashSet<string> own = [.. values.Select(v => v.Key), .. metadata.Keys];
        List<GgufKeyValue> kept = [.. (source?.KeyValues ?? []).Where(k => !own.Contains(k.Key) && !without.Contains(k.Key))];
        _file.Append("GGUF"u8);
        Append(GgufConstants.WrittenVersion);
        Append((ulong)_tensors.Length);
        Append((ulong)(own.Count + kept.Count));
        foreach (GgufValue value in values)
            _file.Append(value.Bytes);
        byte[] buffer = kept.Count == 0 ? [] : new byte[PieceBytes];
        foreach (GgufKeyValue value in kept)
            Copy(source!, value, buffer);
        foreach ((string key, string text) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
        {
            _texts[key] = (_file.Length, Encoding.UTF8.GetByteCount(text));
            _file.Append(GgufValue.Text(key, text).Bytes);
        }
        long offset = 0;
        foreach (TensorSpec tensor in _tensors)
        {
            Describe(tensor, offset);
            offset = AlignUp(offset + tensor.ByteLength);
        }
        Pad();
    }

    private void Copy(GgufFile source, GgufKeyValue value, byte[] buffer)
    {
        for (long at = value.Start; at < value.End; at += PieceBytes)
        {
            Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(PieceBytes, value.End - at));
            source.Source.ReadExactly(at, piece);
            _file.Append(piece);
        }
    }

    private void Describe(TensorSpec tensor, long offset)
    {
        _file.Append(GgufValue.Encode(tensor.Name));
        Append((uint)tensor.Shape.Length);
        // Fastest first.
        foreach (long size in tensor.Shape.Reverse())
            Append((ulong)size);
        Append(GgufTensorTypes.Number(tensor.DType)!.Value);
        Append((ulong)offset);
    }

    private void Pad() => _file.Append(new byte[AlignUp(_file.Length) - _file.Length]);

    private void Append(uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        _file.Append(bytes);
    }

    private void Append(ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        _file.Append(bytes);
    }

    private long AlignUp(long value) => (value + _alignment - 1) / _alignment * _alignment;

    /// <summary>What would make a file that readers refuse is found before the first byte, not after the last.</summary>
    private static void Check(TensorSpec[] tensors)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (TensorSpec tensor in tensors)
        {
            if (!names.Add(tensor.Name))
                throw Bad(FormatErrors.DuplicateTensor, tensor, "stands twice among those to write");
            if (Encoding.UTF8.GetByteCount(tensor.Name) is 0 or > GgufConstants.MostWrittenNameBytes)
                throw Bad(FormatErrors.HeaderInvalid, tensor, $"has a name of more than {GgufConstants.MostWrittenNameBytes} bytes, or none, which ggml does not load", "Write safetensors.");
            if (tensor.Shape.Length > GgufConstants.MostWrittenDimensions)
                throw Bad(FormatErrors.HeaderInvalid, tensor, $"has {tensor.Shape.Length} dimensions, and ggml loads {GgufConstants.MostWrittenDimensions}", "Write safetensors.");
            if (!Supports(tensor.DType))
                throw Bad(FormatErrors.DTypeUnsupported, tensor, $"is of type {tensor.DType}, which GGUF does not have", "Write safetensors, or F16, BF16 or F32 with -DType.");
            long row = tensor.Shape.Length == 0 ? 1 : tensor.Shape[^1];
            if (row % tensor.DType.BlockElements() != 0)
                throw Bad(FormatErrors.TensorSizeMismatch, tensor, $"has rows of {row} elements, which blocks of {tensor.DType.BlockElements()} ({tensor.DType}) do not fill", "Write F16, BF16 or F32 with -DType.");
        }
    }

    private static ModelFormatException Bad(string id, TensorSpec tensor, string what, string remedy = "Rename it in the program that made the model.") =>
        new(id, $"Tensor '{tensor.Name}' {what}.", tensor: tensor.Name, remedy: remedy);
}
