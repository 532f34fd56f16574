using System.Buffers;
using System.Text;

namespace LowRankTools.Formats.Onnx;

/// <summary>Protobuf messages of a size that fits in memory.</summary>
internal sealed class ProtobufWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>Bytes written.</summary>
    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    /// <summary>A number field.</summary>
    public ProtobufWriter Number(int field, long value)
    {
        Varint((ulong)field << 3 | (uint)WireType.Varint);
        return Varint((ulong)value);
    }

    /// <summary>A text field.</summary>
    public ProtobufWriter Text(int field, string text) => Bytes(field, Encoding.UTF8.GetBytes(text));

    /// <summary>A message field.</summary>
    public ProtobufWriter Message(int field, ProtobufWriter message) => Bytes(field, message.ToArray());

    /// <summary>A field of bytes.</summary>
    public ProtobufWriter Bytes(int field, ReadOnlySpan<byte> bytes)
    {
        Length(field, bytes.Length);
        return Raw(bytes);
    }

    /// <summary>Tag and length of a field whose bytes follow elsewhere.</summary>
    public ProtobufWriter Length(int field, long length)
    {
        Varint((ulong)field << 3 | (uint)WireType.Bytes);
        return Varint((ulong)length);
    }

    /// <summary>Fields that are encoded already.</summary>
    public ProtobufWriter Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    private ProtobufWriter Byte(byte value)
    {
        _bytes.GetSpan(1)[0] = value;
        _bytes.Advance(1);
        return this;
    }

    private ProtobufWriter Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            Byte((byte)(value | 0x80));
        return Byte((byte)value);
    }
}
