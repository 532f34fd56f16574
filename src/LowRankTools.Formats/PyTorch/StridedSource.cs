using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.PyTorch;

/// <summary>
/// A tensor that is a view of a storage (transposed, sliced, expanded) or was written by a machine of the other
/// byte order, handed out contiguous and little-endian. Long rows are read as they lie. Short ones are gathered
/// from the part of the storage that the request covers; where that is far more than the request, from all that
/// the view covers, which is read once and let go with the last element, or, where that is far larger than the
/// tensor, window by window.
/// </summary>
internal sealed class StridedSource : ITensorSource
{
    /// <summary>Rows of at least this many bytes are read one by one.</summary>
    private const int DirectRowBytes = 4096;

    /// <summary>A request may read this many times its own bytes rather than hold the whole view.</summary>
    private const int Amplification = 8;

    /// <summary>Largest part of the storage that is held without regard to the tensor's own size.</summary>
    private const long HeldBytes = 64L * 1024 * 1024;

    private const int WindowBytes = 16 * 1024 * 1024;

    private readonly RandomAccessSource _file;
    private readonly long _start;
    private readonly long _extent;
    private readonly StridedLayout _layout;
    private readonly int _size;
    private readonly int _swapUnit;
    private readonly long _length;
    private readonly RecordChecksum? _checksum;
    private readonly Lock _lock = new();
    private byte[]? _held;

    /// <summary>Describes a view whose elements all lie in the file.</summary>
    /// <param name="file">The opened file.</param>
    /// <param name="start">Absolute position of the view's first element.</param>
    /// <param name="extent">Elements from there to one past the last that the view touches.</param>
    /// <param name="layout">Sizes and strides.</param>
    /// <param name="size">Bytes of an element.</param>
    /// <param name="swapUnit">Bytes that are in reverse order: the element, or half of a complex one; one for none.</param>
    /// <param name="length">Bytes of all elements, contiguous.</param>
    /// <param name="checksum">Checks the storage when it is read whole; null where the file has no checksum of it.</param>
    public StridedSource(RandomAccessSource file, long start, long extent, StridedLayout layout, int size, int swapUnit, long length, RecordChecksum? checksum)
    {
        (_file, _start, _extent, _layout, _size, _swapUnit, _length, _checksum) = (file, start, extent, layout, size, swapUnit, length, checksum);
    }

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, _length - destination.Length);
        if (destination.Length == 0)
            return;
        int head = (int)(offset % _size);
        if (head != 0)
        {
            int part = ReadPartOfElement(offset, head, destination);
            offset += part;
            destination = destination[part..];
        }
        int tail = destination.Length % _size;
        ReadElements(offset / _size, destination[..^tail]);
        if (tail != 0)
            ReadPartOfElement(offset + destination.Length - tail, 0, destination[^tail..]);
    }

    private int ReadPartOfElement(long offset, int skip, Span<byte> destination)
    {
        Span<byte> element = stackalloc byte[_size];
        ReadElements(offset / _size, element);
        int part = Math.Min(_size - skip, destination.Length);
        element.Slice(skip, part).CopyTo(destination);
        return part;
    }

    private void ReadElements(long first, Span<byte> destination)
    {
        if (destination.Length == 0)
            return;
        if (_layout.RowStride == 1 && (_layout.RowLength * _size >= DirectRowBytes || _layout.Dimensions == 1))
            ReadRows(first, destination);
        else
            ReadScattered(first, destination);
        Swap(destination);
    }

    private void ReadRows(long first, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            long column = first % _layout.RowLength;
            int bytes = (int)Math.Min((_layout.RowLength - column) * _size, destination.Length);
            ReadStorage(_start + (_layout.RowStart(first) + column) * _size, destination[..bytes]);
            first += bytes / _size;
            destination = destination[bytes..];
        }
    }

    private void ReadScattered(long first, Span<byte> destination)
    {
        (long from, long to) = Reach(first, destination.Length / _size);
        long reach = (to - from) * _size;
        if (reach <= Math.Min(WindowBytes, (long)Amplification * destination.Length))
            ReadWindows(from, to, (int)reach, first, destination);
        else if (_extent * _size <= Math.Max(HeldBytes, Math.Min(2 * _length, Array.MaxLength)))
            ReadHeld(first, destination);
        else
            ReadWindows(from, to, WindowBytes, first, destination);
    }

    private void ReadHeld(long first, Span<byte> destination)
    {
        byte[] held;
        lock (_lock)
        {
            if (_held is null)
            {
                byte[] bytes = new byte[_extent * _size];
                ReadStorage(_start, bytes);
                _held = bytes;
            }
            held = _held;
            if (first * _size + destination.Length == _length)
                _held = null;
        }
        Gather(held, 0, first, destination);
    }

    private void ReadWindows(long from, long to, int windowBytes, long first, Span<byte> destination)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(windowBytes);
        try
        {
            int perWindow = windowBytes / _size;
            for (long at = from; at < to; at += perWindow)
            {
                Span<byte> window = buffer.AsSpan(0, (int)Math.Min(perWindow, to - at) * _size);
                ReadStorage(_start + at * _size, window);
                Gather(window, at, first, destination);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void ReadStorage(long position, Span<byte> destination)
    {
        _file.ReadExactly(position, destination);
        _checksum?.Follow(position, destination);
    }

    /// <summary>The part of the storage that a request touches, relative to the view's first element.</summary>
    private (long From, long To) Reach(long first, int count)
    {
        (long from, long to) = (long.MaxValue, 0);
        for (long done = 0; done < count;)
        {
            long column = (first + done) % _layout.RowLength;
            long inRow = Math.Min(_layout.RowLength - column, count - done);
            long start = _layout.RowStart(first + done) + column * _layout.RowStride;
            from = Math.Min(from, start);
            to = Math.Max(to, start + (inRow - 1) * _layout.RowStride + 1);
            done += inRow;
        }
        return (from, to);
    }

    private void Gather(ReadOnlySpan<byte> window, long windowFirst, long first, Span<byte> destination)
    {
        switch (_size)
        {
            case 1: Gather<byte>(window, windowFirst, first, destination); break;
            case 2: Gather<ushort>(window, windowFirst, first, destination); break;
            case 4: Gather<uint>(window, windowFirst, first, destination); break;
            case 8: Gather<ulong>(window, windowFirst, first, destination); break;
            default: Gather<UInt128>(window, windowFirst, first, destination); break;
        }
    }

    /// <summary>Copies the elements that lie in the window and leaves the others as they are.</summary>
    private void Gather<T>(ReadOnlySpan<byte> windowBytes, long windowFirst, long first, Span<byte> destinationBytes)
        where T : unmanaged
    {
        ReadOnlySpan<T> window = MemoryMarshal.Cast<byte, T>(windowBytes);
        Span<T> destination = MemoryMarshal.Cast<byte, T>(destinationBytes);
        for (int done = 0; done < destination.Length;)
        {
            long column = (first + done) % _layout.RowLength;
            int count = (int)Math.Min(_layout.RowLength - column, destination.Length - done);
            long at = _layout.RowStart(first + done) + column * _layout.RowStride - windowFirst;
            foreach (ref T element in destination.Slice(done, count))
            {
                if ((ulong)at < (ulong)window.Length)
                    element = window[(int)at];
                at += _layout.RowStride;
            }
            done += count;
        }
    }

    private void Swap(Span<byte> elements)
    {
        switch (_swapUnit)
        {
            case 2:
                Span<ushort> halves = MemoryMarshal.Cast<byte, ushort>(elements);
                BinaryPrimitives.ReverseEndianness(halves, halves);
                break;
            case 4:
                Span<uint> singles = MemoryMarshal.Cast<byte, uint>(elements);
                BinaryPrimitives.ReverseEndianness(singles, singles);
                break;
            case 8:
                Span<ulong> doubles = MemoryMarshal.Cast<byte, ulong>(elements);
                BinaryPrimitives.ReverseEndianness(doubles, doubles);
                break;
        }
    }
}
