namespace LowRankTools.Formats.IO;

/// <summary>Bytes that are read at absolute positions: a file, or a file on a server of which only ranges are fetched.</summary>
public abstract class RandomAccessSource : IDisposable
{
    /// <summary>Full path, or the address without its query.</summary>
    public abstract string Path { get; }

    /// <summary>Length in bytes when it was opened.</summary>
    public abstract long Length { get; }

    /// <summary>What came over the network so far; null for what lies on this machine.</summary>
    public virtual RemoteTransfer? Transfer => null;

    /// <summary>Reads up to <paramref name="destination"/>'s length; returns how many bytes there were.</summary>
    /// <param name="position">Absolute position.</param>
    /// <param name="destination">Filled from its start.</param>
    /// <exception cref="ModelFormatException">The server failed; see <see cref="FormatErrors"/>.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public abstract int ReadUpTo(long position, Span<byte> destination);

    /// <summary>Fills <paramref name="destination"/> from <paramref name="position"/> on.</summary>
    /// <param name="position">Absolute position.</param>
    /// <param name="destination">Filled wholly.</param>
    /// <param name="errorId">Error id to use where the file ends too early.</param>
    /// <exception cref="ModelFormatException">The file ends before the range does, or the server failed.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public void ReadExactly(long position, Span<byte> destination, string errorId = FormatErrors.TensorTruncated)
    {
        int read = ReadUpTo(position, destination);
        if (read < destination.Length)
        {
            throw new ModelFormatException(errorId,
                $"The file ends at byte {position + read}, where {destination.Length - read} more bytes should be.", Path);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes what was opened.</summary>
    /// <param name="disposing">True when called from <see cref="Dispose()"/>.</param>
    protected abstract void Dispose(bool disposing);
}
