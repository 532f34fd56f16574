using System.Buffers.Binary;
using System.Text;

namespace LowRankTools.Formats.Tests.Onnx;

/// <summary>Writes protobuf messages, true ones and lying ones.</summary>
internal sealed class ProtoWriter
{
    private readonly List<byte> _bytes = [];

    public byte[] ToArray() => [.. _bytes];

    public ProtoWriter Varint(int field, long value)
    {
        Tag(field, 0);
        return Bare((ulong)value);
    }

    public ProtoWriter Float(int field, float value)
    {
        Tag(field, 5);
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        return Raw(bytes);
    }

    public ProtoWriter Double(int field, double value)
    {
        Tag(field, 1);
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        return Raw(bytes);
    }

    public ProtoWriter Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    public ProtoWriter Bytes(int field, ReadOnlySpan<byte> value) => Length(field, value.Length).Raw(value);

    public ProtoWriter Message(int field, Action<ProtoWriter> write)
    {
        ProtoWriter inner = new();
        write(inner);
        return Bytes(field, inner.ToArray());
    }

    /// <summary>A tag and a length, whatever follows.</summary>
    public ProtoWriter Length(int field, long length)
    {
        Tag(field, 2);
        return Bare((ulong)length);
    }

    /// <summary>A number without a tag, as packed fields have them.</summary>
    public ProtoWriter Bare(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            _bytes.Add((byte)(value | 0x80));
        _bytes.Add((byte)value);
        return this;
    }

    public ProtoWriter Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    private void Tag(int field, int wireType) => Bare(((ulong)field << 3) | (uint)wireType);
}
