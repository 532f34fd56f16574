using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.IO;

/// <summary>A tensor that lies contiguous in a file.</summary>
/// <param name="file">The opened file; owned by the <see cref="TensorFile"/>.</param>
/// <param name="start">Absolute position of the first byte.</param>
/// <param name="length">Bytes; the constructor's caller has checked that they lie in the file.</param>
public sealed class FileRegion(RandomAccessSource file, long start, long length) : ITensorSource
{
    private readonly RecordChecksum? _checksum;

    /// <summary>A tensor in a record of an archive, which is checked when it is read whole.</summary>
    internal FileRegion(RandomAccessSource file, long start, long length, RecordChecksum? checksum)
        : this(file, start, length) => _checksum = checksum;

    /// <summary>The file that holds the bytes.</summary>
    public string Path => file.Path;

    /// <summary>The file.</summary>
    internal RandomAccessSource File => file;

    /// <summary>Absolute position of the first byte.</summary>
    public long Start => start;

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, length - destination.Length);
        file.ReadExactly(start + offset, destination);
        _checksum?.Follow(start + offset, destination);
    }
}
