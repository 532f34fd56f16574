using Microsoft.Win32.SafeHandles;

namespace LowRankTools.Formats.IO;

/// <summary>
/// An opened file that is read at absolute positions. Positional reads, not memory maps: a file that shrinks
/// under a map kills the process, under a read it is an error; and a read costs one copy that conversion to
/// float32 needs anyway.
/// </summary>
public sealed class ModelFileHandle : RandomAccessSource
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

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override int ReadUpTo(long position, Span<byte> destination)
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
    protected override void Dispose(bool disposing) => _handle.Dispose();
}
