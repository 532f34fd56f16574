using Microsoft.Win32.SafeHandles;

namespace LowRankTools.Formats;

/// <summary>
/// An opened file that is read at absolute positions. Positional reads, not memory maps: a file that shrinks
/// under a map kills the process, under a read it is an error; and a read costs one copy that conversion to
/// float32 needs anyway.
/// </summary>
public sealed class ModelFileHandle : IDisposable
{
    private readonly SafeFileHandle _handle;

    /// <summary>Opens a file for reading; others may go on reading it.</summary>
    /// <param name="path">Full path.</param>
    /// <exception cref="ModelFormatException"><c>NotARegularFile</c>, <c>FileNameInvalid</c>.</exception>
    /// <exception cref="IOException">The file is absent or cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public ModelFileHandle(string path)
    {
        Path = path;
        _handle = RegularFile.OpenRead(path);
        Length = RandomAccess.GetLength(_handle);
    }

    /// <summary>Full path.</summary>
    public string Path { get; }

    /// <summary>Length in bytes when the file was opened.</summary>
    public long Length { get; }

    /// <summary>Fills <paramref name="destination"/> from <paramref name="position"/> on.</summary>
    /// <param name="position">Absolute position in the file.</param>
    /// <param name="destination">Filled wholly.</param>
    /// <param name="errorId">Error id to use where the file ends too early.</param>
    /// <exception cref="ModelFormatException">The file ends before the range does.</exception>
    public void ReadExactly(long position, Span<byte> destination, string errorId = FormatErrors.TensorTruncated)
    {
        while (destination.Length > 0)
        {
            int read = RandomAccess.Read(_handle, destination, position);
            if (read == 0)
            {
                throw new ModelFormatException(errorId, $"The file ends at byte {position}, where {destination.Length} more bytes should be.",
                    Path);
            }
            destination = destination[read..];
            position += read;
        }
    }

    /// <summary>Reads up to <paramref name="destination"/>'s length; returns how many bytes there were.</summary>
    public int ReadUpTo(long position, Span<byte> destination)
    {
        int total = 0;
        while (total < destination.Length)
        {
            int read = RandomAccess.Read(_handle, destination[total..], position + total);
            if (read == 0)
                break;
            total += read;
        }
        return total;
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
