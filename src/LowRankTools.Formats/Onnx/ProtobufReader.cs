using System.Text;
using LowRankTools.Formats.IO;

namespace LowRankTools.Formats.Onnx;

/// <summary>The bytes of one protobuf message or field in a file.</summary>
/// <param name="Start">Absolute position of the first byte.</param>
/// <param name="End">One past the last byte.</param>
internal readonly record struct MessageSpan(long Start, long End)
{
    public long Length => End - Start;
}

/// <summary>How a field's value is written.</summary>
internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// <summary>
/// Walks protobuf messages in a file through a small window, so that a message of two gigabytes costs
/// only the bytes that are looked at: length-delimited fields are passed over by their length.
/// </summary>
internal sealed class ProtobufReader(ModelFileHandle file)
{
    /// <summary>Read after a jump: the header of a tensor and no more of the weights after it.</summary>
    private const int SmallRead = 2 * 1024;

    private readonly byte[] _window = new byte[64 * 1024];
    private long _windowStart;
    private int _windowLength;
    private int _nextRead = SmallRead;
    private long _items;
    private long _textBytes;

    /// <summary>Where the next byte is read; may be set anywhere.</summary>
    public long Position { get; set; }

    public ModelFileHandle File => file;

    public MessageSpan WholeFile => new(0, file.Length);

    /// <summary>Reads the next field's number and type; false at the end of the message.</summary>
    public bool TryReadTag(long end, out int field, out WireType type)
    {
        field = 0;
        type = default;
        if (Position >= end)
            return false;
        ulong tag = ReadVarint(end);
        field = (int)Math.Min(tag >> 3, int.MaxValue);
        type = (WireType)(tag & 7);
        if (field == 0 || tag > uint.MaxValue || type is not (WireType.Varint or WireType.Fixed64 or WireType.Bytes or WireType.Fixed32))
            throw Invalid($"there is no field {tag >> 3} of wire type {tag & 7}");
        return true;
    }

    /// <summary>Reads a number of up to ten bytes, seven bits each, lowest first.</summary>
    public ulong ReadVarint(long end)
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            byte b = ReadByte(end);
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
                return value;
        }
        throw Invalid("a number is longer than ten bytes");
    }

    /// <summary>Reads a length and passes over that many bytes; returns where they are.</summary>
    public MessageSpan ReadSpan(long end, WireType type)
    {
        Expect(type, WireType.Bytes);
        ulong length = ReadVarint(end);
        if (length > (ulong)(end - Position))
        {
            if (length > (ulong)(file.Length - Position))
                throw Truncated();
            throw Invalid("a message is longer than the one that holds it");
        }
        MessageSpan span = new(Position, Position + (long)length);
        Position = span.End;
        return span;
    }

    /// <summary>
    /// Reads a message that its parent has once at most. Protobuf's own readers merge two of them; no exporter writes two, so
    /// they are refused rather than read as another model than others see.
    /// </summary>
    /// <param name="before">What stood in the field already.</param>
    /// <param name="end">End of the parent.</param>
    /// <param name="type">Wire type of the tag.</param>
    /// <param name="what">The message, for the error.</param>
    public MessageSpan ReadSingle(object? before, long end, WireType type, string what) =>
        before is null ? ReadSpan(end, type) : throw Invalid($"{what} stands twice where there is only one");

    /// <summary>Reads text, up to a length that no honest name has.</summary>
    public string ReadText(long end, WireType type, int mostBytes = OnnxLimits.NameBytes)
    {
        MessageSpan span = ReadSpan(end, type);
        _textBytes += span.Length;
        if (span.Length > mostBytes || _textBytes > OnnxLimits.TextBytes)
            throw new ModelFormatException(FormatErrors.HeaderTooLarge, $"A text of {span.Length} bytes stands where a name belongs.", file.Path);
        return Encoding.UTF8.GetString(ReadBytes(span));
    }

    /// <summary>Reads a number field.</summary>
    public long ReadInt64(long end, WireType type)
    {
        Expect(type, WireType.Varint);
        return (long)ReadVarint(end);
    }

    /// <summary>The bytes of a short field.</summary>
    public byte[] ReadBytes(MessageSpan span)
    {
        byte[] bytes = new byte[checked((int)span.Length)];
        long back = Position;
        Position = span.Start;
        for (int i = 0; i < bytes.Length;)
        {
            Fill();
            int offset = (int)(Position - _windowStart);
            int count = Math.Min(bytes.Length - i, _windowLength - offset);
            _window.AsSpan(offset, count).CopyTo(bytes.AsSpan(i));
            i += count;
            Position += count;
        }
        Position = back;
        return bytes;
    }

    /// <summary>Passes over a field that is of no interest.</summary>
    public void Skip(long end, WireType type)
    {
        switch (type)
        {
            case WireType.Varint:
                ReadVarint(end);
                break;
            case WireType.Fixed32:
                Advance(end, sizeof(uint));
                break;
            case WireType.Fixed64:
                Advance(end, sizeof(ulong));
                break;
            default:
                ReadSpan(end, type);
                break;
        }
    }

    /// <summary>Counts a thing that is kept in memory; a file may describe only so many.</summary>
    /// <param name="weight">How many names or numbers it takes the memory of.</param>
    public void CountItem(int weight = 1)
    {
        _items += weight;
        if (_items > OnnxLimits.Items)
            throw new ModelFormatException(FormatErrors.HeaderTooLarge, "The graph has millions of parts, more than any real one.", file.Path);
    }

    /// <summary>An error about the structure.</summary>
    public ModelFormatException Invalid(string what) =>
        new(FormatErrors.HeaderInvalid, $"This is not the protobuf of an ONNX model: {what} (near byte {Position}).", file.Path);

    private void Expect(WireType type, WireType expected)
    {
        if (type != expected)
            throw Invalid($"{expected} expected, {type} found");
    }

    private void Advance(long end, int bytes)
    {
        if (end - Position < bytes)
            throw Position + bytes > file.Length ? Truncated() : Invalid("a number runs over the end of its message");
        Position += bytes;
    }

    private byte ReadByte(long end)
    {
        if (Position >= end)
            throw end >= file.Length ? Truncated() : Invalid("a number runs over the end of its message");
        Fill();
        return _window[(int)(Position++ - _windowStart)];
    }

    /// <summary>Makes the window hold the byte at the position. Reads grow while they follow each other.</summary>
    private void Fill()
    {
        long into = Position - _windowStart;
        if (into >= 0 && into < _windowLength)
            return;
        _nextRead = into == _windowLength ? Math.Min(_nextRead * 2, _window.Length) : SmallRead;
        _windowStart = Position;
        _windowLength = file.ReadUpTo(Position, _window.AsSpan(0, _nextRead));
        if (_windowLength == 0)
            throw Truncated();
    }

    private ModelFormatException Truncated() =>
        new(FormatErrors.HeaderTruncated, "The file ends inside its description of the model.", file.Path);
}
