using System.Buffers.Binary;
using System.Text.Json;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Safetensors;

/// <summary>
/// Writes one safetensors file. The header stands before the data, and its free text is only final at the end: room is
/// kept for the longest text, and what is left over is filled with spaces, which the format allows.
/// </summary>
internal sealed class SafetensorsWriter : IDisposable
{
    /// <summary>The data begins at a multiple of this, so that readers may map float64 data in place.</summary>
    private const int Alignment = 64;

    private readonly TemporaryFile _file;
    private readonly IReadOnlyList<TensorSpec> _tensors;
    private readonly int _reserved;

    /// <summary>Creates the temporary file.</summary>
    /// <param name="folder">Where the file will be.</param>
    /// <param name="tensors">Every tensor that will be written here, in order.</param>
    /// <param name="metadata">Free text for <c>__metadata__</c>, or text as long as it at most gets.</param>
    /// <param name="place">Whose temporary file it is.</param>
    public SafetensorsWriter(string folder, IReadOnlyList<TensorSpec> tensors, IReadOnlyDictionary<string, string> metadata, OutputPlace? place)
    {
        _tensors = tensors;
        long reserved = AlignUp(SafetensorsConstants.PrefixBytes + Encode(tensors, metadata).Length) - SafetensorsConstants.PrefixBytes;
        if (reserved > SafetensorsConstants.MaxHeaderBytes)
        {
            throw new ModelFormatException(FormatErrors.HeaderTooLarge, "The names of the tensors do not fit a safetensors header.",
                remedy: "Write shards with -MaxShardSize.");
        }
        _reserved = (int)reserved;
        _file = new TemporaryFile(folder, place);
        _file.Append(new byte[SafetensorsConstants.PrefixBytes + _reserved]);
    }

    /// <summary>The tensors of this file.</summary>
    public IReadOnlyList<TensorSpec> Tensors => _tensors;

    public void Write(ReadOnlySpan<byte> data) => _file.Append(data);

    /// <summary>Puts the header in its place and flushes.</summary>
    /// <exception cref="ArgumentException">The header does not fit the room that was kept for it.</exception>
    public void Flush(IReadOnlyDictionary<string, string> metadata)
    {
        byte[] json = Encode(_tensors, metadata);
        byte[] header = new byte[SafetensorsConstants.PrefixBytes + _reserved];
        header.AsSpan().Fill((byte)' ');
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)_reserved);
        json.CopyTo(header.AsSpan(SafetensorsConstants.PrefixBytes));
        _file.Patch(0, header);
        _file.Flush();
    }

    /// <summary>The file under its temporary name.</summary>
    public TemporaryFile File => _file;

    public void Dispose() => _file.Dispose();

    private static byte[] Encode(IReadOnlyList<TensorSpec> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            json.WriteStartObject();
            json.WriteStartObject(SafetensorsConstants.MetadataKey);
            foreach ((string key, string value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
                json.WriteString(key, value);
            json.WriteEndObject();
            long begin = 0;
            foreach (TensorSpec tensor in tensors)
            {
                Encode(json, tensor, begin);
                begin += tensor.ByteLength;
            }
            json.WriteEndObject();
        }
        return stream.ToArray();
    }

    private static void Encode(Utf8JsonWriter json, TensorSpec spec, long begin)
    {
        json.WriteStartObject(spec.Name);
        json.WriteString("dtype"u8, spec.DType.ToString());
        json.WriteStartArray("shape"u8);
        foreach (long size in spec.Shape)
            json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets"u8);
        json.WriteNumberValue(begin);
        json.WriteNumberValue(begin + spec.ByteLength);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static long AlignUp(long value) => (value + Alignment - 1) / Alignment * Alignment;
}
