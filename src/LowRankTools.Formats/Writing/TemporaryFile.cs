using System.Collections.Concurrent;

namespace LowRankTools.Formats.Writing;

/// <summary>
/// A file that is written under a temporary name in the target's folder, then flushed and renamed, so that the
/// target's name only ever shows a whole file.
/// </summary>
public sealed class TemporaryFile : IDisposable
{
    private static readonly ConcurrentDictionary<string, bool> s_unfinished = new(StringComparer.Ordinal);

    private readonly OutputDisk _disk;
    private readonly IOutputFile _file;
    private string? _temporaryPath;

    /// <summary>Creates the temporary file.</summary>
    /// <param name="folder">Folder of the target.</param>
    /// <param name="place">Where the writer's temporary files are looked for when it was killed; null for nobody's.</param>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written.</exception>
    public TemporaryFile(string folder, OutputPlace? place = null)
    {
        _disk = place?.Disk ?? OutputDisk.Local;
        _temporaryPath = Path.Combine(folder, OutputPlace.TemporaryName(place?.Key ?? "file"));
        _file = _disk.Create(_temporaryPath);
        s_unfinished[_temporaryPath] = true;
    }

    /// <summary>
    /// Deletes whatever temporary files and empty locks this process has, as well as it can. For a process that is about to be ended and
    /// will not come to dispose of them.
    /// </summary>
    public static void DeleteUnfinished()
    {
        foreach (string path in s_unfinished.Keys)
        {
            try
            {
                File.Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // There is nobody left to tell.
            }
        }
    }

    /// <summary>Has <see cref="DeleteUnfinished"/> delete a file too.</summary>
    internal static void DeleteAtEnd(string path) => s_unfinished[path] = true;

    /// <summary>Has <see cref="DeleteUnfinished"/> leave a file alone again.</summary>
    internal static void Spare(string path) => s_unfinished.TryRemove(path, out _);

    /// <summary>Full path under the temporary name; null once the file has its own.</summary>
    public string? TemporaryPath => _temporaryPath;

    /// <summary>Bytes appended so far.</summary>
    public long Length { get; private set; }

    /// <summary>Appends bytes.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        _file.Write(Length, data);
        Length += data.Length;
    }

    /// <summary>Overwrites bytes that were appended before.</summary>
    public void Patch(long position, ReadOnlySpan<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position + data.Length, Length);
        _file.Write(position, data);
    }

    /// <summary>Flushes to the disk and closes; the file keeps its temporary name.</summary>
    public void Flush()
    {
        _file.Flush();
        _file.Dispose();
    }

    /// <summary>Gives the flushed file its final name.</summary>
    /// <param name="path">Full path in the same folder.</param>
    /// <param name="replace">Whether a file of that name gives way.</param>
    /// <exception cref="IOException">The name is taken and <paramref name="replace"/> is false, or the disk refuses.</exception>
    public void MoveTo(string path, bool replace = true)
    {
        _disk.Rename(_temporaryPath!, path, replace);
        s_unfinished.TryRemove(_temporaryPath!, out _);
        _temporaryPath = null;
    }

    /// <summary>Closes, and deletes what was not moved. That the disk refuses is no error: what went wrong before is what to tell.</summary>
    public void Dispose()
    {
        _file.Dispose();
        if (_temporaryPath is null)
            return;
        try
        {
            _disk.Delete(_temporaryPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next run into the folder finds it.
        }
        s_unfinished.TryRemove(_temporaryPath, out _);
        _temporaryPath = null;
    }
}
