using System.Text;

namespace LowRankTools.Formats.Tests.Gguf;

/// <summary>
/// Writes GGUF bytes from the format's description, right or wrong on purpose. Dimensions are given as the file
/// has them: fastest first.
/// </summary>
internal sealed class GgufBuilder
{
    private readonly List<byte> _keyValues = [];
    private readonly List<(string Name, ulong[] Dimensions, uint Type, byte[] Data, ulong? Offset)> _tensors = [];
    private ulong _keyValueCount;

    public uint Version { get; init; } = 3;

    public uint Alignment { get; init; } = 32;

    public ulong? TensorCount { get; init; }

    public ulong? KeyValueCount { get; init; }

    public static byte[] Text(string text) => [.. BitConverter.GetBytes((ulong)Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    /// <summary>An array value: element type, count, elements.</summary>
    public static byte[] Array(uint type, ulong count, params byte[][] elements) =>
        [.. BitConverter.GetBytes(type), .. BitConverter.GetBytes(count), .. elements.SelectMany(e => e)];

    /// <summary>Adds a key-value with its raw bytes.</summary>
    public GgufBuilder KeyValue(string key, uint type, byte[] value)
    {
        _keyValues.AddRange([.. Text(key), .. BitConverter.GetBytes(type), .. value]);
        _keyValueCount++;
        return this;
    }

    public GgufBuilder KeyValue(string key, string value) => KeyValue(key, 8, Text(value));

    public GgufBuilder KeyValue(string key, uint value) => KeyValue(key, 4, BitConverter.GetBytes(value));

    /// <summary>Adds a tensor; <paramref name="offset"/> overrides where its description says that it lies.</summary>
    public GgufBuilder Tensor(string name, ulong[] dimensions, uint type, byte[] data, ulong? offset = null)
    {
        _tensors.Add((name, dimensions, type, data, offset));
        return this;
    }

    public byte[] Build()
    {
        using MemoryStream file = new();
        file.Write("GGUF"u8);
        file.Write(BitConverter.GetBytes(Version));
        file.Write(BitConverter.GetBytes(TensorCount ?? (ulong)_tensors.Count));
        file.Write(BitConverter.GetBytes(KeyValueCount ?? _keyValueCount));
        file.Write(_keyValues.ToArray());
        ulong running = 0;
        foreach ((string name, ulong[] dimensions, uint type, byte[] data, ulong? offset) in _tensors)
        {
            file.Write(Text(name));
            file.Write(BitConverter.GetBytes((uint)dimensions.Length));
            foreach (ulong dimension in dimensions)
                file.Write(BitConverter.GetBytes(dimension));
            file.Write(BitConverter.GetBytes(type));
            file.Write(BitConverter.GetBytes(offset ?? running));
            running = Padded(running + (ulong)data.Length);
        }
        foreach ((_, _, _, byte[] data, _) in _tensors)
        {
            file.SetLength((long)Padded((ulong)file.Length));
            file.Position = file.Length;
            file.Write(data);
        }
        return file.ToArray();
    }

    private ulong Padded(ulong length) => (length + Alignment - 1) / Alignment * Alignment;
}
