using System.Buffers.Binary;
using System.Text;
using LowRankTools.Formats.IO;

namespace LowRankTools.Formats.Gguf;

/// <summary>
/// Walks forward through a header, a window at a time. What is skipped is not read, so an array of a million
/// numbers costs nothing and one of a million strings costs its lengths.
/// </summary>
internal sealed class GgufCursor(RandomAccessSource file)
{
    private const int WindowBytes = 64 * 1024;

    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _window = new byte[(int)Math.Min(WindowBytes, file.Length)];
    private long _windowStart;
    private int _windowLength;
    private long _textBytes;

    /// <summary>Absolute position of the next byte.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes from here to the end of the file.</summary>
    public long Remaining => file.Length - Position;

    /// <summary>Next bytes, valid until the next call; at most a window.</summary>
    public ReadOnlySpan<byte> Take(int count)
    {
        Require((ulong)count);
        long inWindow = Position - _windowStart;
        if (inWindow < 0 || inWindow + count > _windowLength)
        {
            _windowStart = Position;
            _windowLength = (int)Math.Min(_window.Length, Remaining);
            file.ReadExactly(_windowStart, _window.AsSpan(0, _windowLength), FormatErrors.HeaderTruncated);
            inWindow = 0;
        }
        Position += count;
        return _window.AsSpan((int)inWindow, count);
    }

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>Passes over bytes without reading them.</summary>
    public void Skip(ulong count)
    {
        Require(count);
        Position += (long)count;
    }

    /// <summary>A count of things that take at least <paramref name="leastBytes"/> each.</summary>
    /// <exception cref="ModelFormatException"><c>HeaderTruncated</c>: the rest of the file cannot hold so many.</exception>
    public ulong Count(int leastBytes)
    {
        ulong count = UInt64();
        if (count > (ulong)(Remaining / leastBytes))
        {
            throw new ModelFormatException(FormatErrors.HeaderTruncated,
                $"The header announces {count} items at byte {Position - 8}, which the rest of the file cannot hold.");
        }
        return count;
    }

    /// <summary>A key or a tensor's name: neither empty nor damaged, since names must be told apart.</summary>
    public string Name()
    {
        string name = Text(GgufConstants.MaxNameBytes, s_strict);
        return name.Length > 0 ? name : throw new ModelFormatException(FormatErrors.HeaderInvalid, $"An empty name stands before byte {Position}.");
    }

    /// <summary>A text value; bytes that are not UTF-8 are shown as replacement characters.</summary>
    public string Text() => Text(GgufConstants.MaxTextBytes, Encoding.UTF8);

    private string Text(int most, Encoding encoding)
    {
        ulong length = UInt64();
        Require(length);
        _textBytes += (long)Math.Min(length, (ulong)most);
        if (length > (ulong)most || _textBytes > GgufConstants.MaxHeaderText)
            throw new ModelFormatException(FormatErrors.HeaderTooLarge, $"The text of {length} bytes at byte {Position} is longer than is sane.");
        try
        {
            if (length <= (ulong)_window.Length)
                return encoding.GetString(Take((int)length));
            byte[] bytes = new byte[length];
            file.ReadExactly(Position, bytes, FormatErrors.HeaderTruncated);
            Position += bytes.Length;
            return encoding.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new ModelFormatException(FormatErrors.HeaderInvalid, $"A name before byte {Position} is not UTF-8.", inner: e);
        }
    }

    private void Require(ulong count)
    {
        if (count > (ulong)Remaining)
        {
            throw new ModelFormatException(FormatErrors.HeaderTruncated,
                $"The header needs {count} bytes at byte {Position}, and the file has {Remaining}.");
        }
    }
}
