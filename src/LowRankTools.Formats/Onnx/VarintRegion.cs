using System.Buffers.Binary;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Onnx;

/// <summary>
/// Integers that are stored with one to ten bytes each. Nothing is read until values are asked for; then one pass
/// notes where every 4096th number begins, and reads start from there.
/// </summary>
internal sealed class VarintRegion : ITensorSource
{
    private const int Stride = 4096;
    private const int MostBytes = 10;

    private readonly ITensorSource _encoded;
    private readonly long _encodedLength;
    private readonly long _count;
    private readonly int _width;
    private readonly Lazy<long[]> _index;

    /// <summary>Describes encoded integers.</summary>
    /// <param name="encoded">The encoded bytes.</param>
    /// <param name="encodedLength">How many there are.</param>
    /// <param name="count">Integers that there must be.</param>
    /// <param name="width">Bytes of each when decoded: 1, 2, 4 or 8; higher bits are dropped.</param>
    /// <param name="tensor">Name for errors.</param>
    /// <exception cref="ModelFormatException"><c>TensorSizeMismatch</c>: the bytes hold another number of integers.</exception>
    public VarintRegion(ITensorSource encoded, long encodedLength, long count, int width, string tensor)
    {
        _encoded = encoded;
        _encodedLength = encodedLength;
        _count = count;
        _width = width;
        _index = new Lazy<long[]>(() => Index(tensor));
        if (count > encodedLength || count < encodedLength / MostBytes)
            throw Mismatch(tensor, null);
        if (encodedLength <= OnnxLimits.CountedVarintBytes)
            _ = _index.Value;
    }

    /// <summary>How many integers the bytes hold: as many as there are bytes that end one.</summary>
    public static long Count(ITensorSource encoded, long length)
    {
        long count = 0;
        byte[] buffer = new byte[(int)Math.Min(length, 64 * 1024)];
        for (long at = 0; at < length; at += buffer.Length)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at));
            encoded.Read(at, part);
            foreach (byte b in part)
                count += b < 0x80 ? 1 : 0;
        }
        return count;
    }

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, _count * _width - destination.Length);
        if (destination.Length == 0)
            return;
        long first = offset / _width;
        int drop = (int)(offset % _width);
        Cursor cursor = new(_encoded, _encodedLength, _index.Value[first / Stride]);
        for (long skip = first % Stride; skip > 0; skip--)
            cursor.Next();
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        while (destination.Length > 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(number, cursor.Next());
            int take = Math.Min(_width - drop, destination.Length);
            number.Slice(drop, take).CopyTo(destination);
            destination = destination[take..];
            drop = 0;
        }
    }

    private long[] Index(string tensor)
    {
        List<long> starts = [];
        long found = 0;
        Cursor cursor = new(_encoded, _encodedLength, 0);
        while (cursor.Position < _encodedLength)
        {
            if (found == _count)
                throw Mismatch(tensor, "more");
            if (found++ % Stride == 0)
                starts.Add(cursor.Position);
            cursor.Next();
        }
        return found == _count ? [.. starts] : throw Mismatch(tensor, found.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    private ModelFormatException Mismatch(string tensor, string? found) =>
        new(FormatErrors.TensorSizeMismatch, found is null
            ? $"Tensor '{tensor}' needs {_count} integers, which {_encodedLength} bytes cannot be."
            : $"Tensor '{tensor}' needs {_count} integers and has {found}.", tensor: tensor);

    /// <summary>Decodes forward through a buffer.</summary>
    private sealed class Cursor(ITensorSource encoded, long length, long position)
    {
        private readonly byte[] _buffer = new byte[(int)Math.Min(16 * 1024, length - position)];
        private int _at;
        private int _filled;
        private long _next = position;

        public long Position => _next - (_filled - _at);

        public ulong Next()
        {
            ulong value = 0;
            for (int i = 0; i < MostBytes; i++)
            {
                byte b = NextByte();
                value |= (ulong)(b & 0x7F) << (7 * i);
                if (b < 0x80)
                    return value;
            }
            throw new ModelFormatException(FormatErrors.HeaderInvalid, "An integer is longer than ten bytes.");
        }

        private byte NextByte()
        {
            if (_at == _filled)
            {
                _filled = (int)Math.Min(_buffer.Length, length - _next);
                if (_filled <= 0)
                    throw new ModelFormatException(FormatErrors.TensorSizeMismatch, "The last integer of a tensor has no end.");
                encoded.Read(_next, _buffer.AsSpan(0, _filled));
                _next += _filled;
                _at = 0;
            }
            return _buffer[_at++];
        }
    }
}
