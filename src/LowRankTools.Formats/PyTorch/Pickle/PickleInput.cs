using System.Buffers.Binary;
using System.Text;
using LowRankTools.Formats.IO;

namespace LowRankTools.Formats.PyTorch.Pickle;

/// <summary>
/// The bytes of a pickle, read forward through a small window: a pickle may stand in front of gigabytes of data
/// (the legacy format) or carry large byte strings that are only stepped over.
/// </summary>
internal sealed class PickleInput
{
    private const int WindowBytes = 64 * 1024;

    private readonly ModelFileHandle _file;
    private readonly long _end;
    private byte[] _window;
    private int _next;
    private int _filled;

    /// <summary>Reads the range from <paramref name="start"/> to <paramref name="end"/>.</summary>
    public PickleInput(ModelFileHandle file, long start, long end)
    {
        _file = file;
        _end = end;
        Position = start;
        _window = new byte[Math.Min(WindowBytes, end - start)];
    }

    /// <summary>Absolute position of the next byte.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes that were read and not stepped over.</summary>
    public long BytesRead { get; private set; }

    /// <summary>Bytes left.</summary>
    public long Remaining => _end - Position;

    public byte ReadByte() => Take(1)[0];

    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public int ReadInt32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public double ReadDouble() => BinaryPrimitives.ReadDoubleBigEndian(Take(8));

    /// <summary>The next bytes; valid until the next read.</summary>
    public ReadOnlySpan<byte> Take(int length)
    {
        if (length > _filled - _next)
            Fill(length);
        ReadOnlySpan<byte> bytes = _window.AsSpan(_next, length);
        _next += length;
        Position += length;
        BytesRead += length;
        return bytes;
    }

    /// <summary>Steps over bytes without reading them.</summary>
    public void Skip(ulong length)
    {
        if (length > (ulong)Remaining)
            throw Truncated();
        _next = (int)Math.Min((long)length + _next, _filled);
        Position += (long)length;
    }

    /// <summary>The text up to the next line feed.</summary>
    public string ReadLine(int longest)
    {
        StringBuilder line = new();
        while (ReadByte() is byte b and not (byte)'\n')
        {
            if (line.Length == longest)
                throw new ModelFormatException(FormatErrors.PickleInvalid, "A name in the pickle is longer than any real one.");
            line.Append((char)b);
        }
        return line.ToString();
    }

    private void Fill(int length)
    {
        if (length > Remaining)
            throw Truncated();
        if (length > _window.Length)
            _window = new byte[length];
        _filled = (int)Math.Min(_window.Length, Remaining);
        _next = 0;
        _file.ReadExactly(Position, _window.AsSpan(0, _filled), FormatErrors.HeaderTruncated);
    }

    private static ModelFormatException Truncated() =>
        new(FormatErrors.HeaderTruncated, "The pickle ends in the middle of a value.");
}
