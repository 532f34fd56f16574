using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;

namespace LowRankTools.Formats;

/// <summary>
/// A file that is written under a temporary name in the target's folder, then flushed and renamed, so that the
/// target's name only ever shows a whole file.
/// </summary>
public sealed class TemporaryFile : IDisposable
{
    private static readonly ConcurrentDictionary<string, bool> s_unfinished = new(StringComparer.Ordinal);

    private readonly SafeFileHandle _handle;
    private string? _temporaryPath;

    /// <summary>Creates the temporary file in <paramref name="folder"/>.</summary>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written.</exception>
    public TemporaryFile(string folder)
    {
        _temporaryPath = Path.Combine(folder, $".{Path.GetRandomFileName()}.tmp");
        _handle = File.OpenHandle(_temporaryPath, FileMode.CreateNew, FileAccess.Write, FileShare.Delete);
        s_unfinished[_temporaryPath] = true;
    }

    /// <summary>
    /// Deletes whatever temporary files this process has, as well as it can. For a process that is about to be ended and
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

    /// <summary>Bytes appended so far.</summary>
    public long Length { get; private set; }

    /// <summary>Appends bytes.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        RandomAccess.Write(_handle, data, Length);
        Length += data.Length;
    }

    /// <summary>Overwrites bytes that were appended before.</summary>
    public void Patch(long position, ReadOnlySpan<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position + data.Length, Length);
        RandomAccess.Write(_handle, data, position);
    }

    /// <summary>Flushes to the disk and closes; the file keeps its temporary name.</summary>
    public void Flush()
    {
        RandomAccess.FlushToDisk(_handle);
        _handle.Dispose();
    }

    /// <summary>Gives the flushed file its final name, replacing what was there.</summary>
    public void MoveTo(string path)
    {
        File.Move(_temporaryPath!, path, overwrite: true);
        s_unfinished.TryRemove(_temporaryPath!, out _);
        _temporaryPath = null;
    }

    /// <summary>Closes, and deletes what was not moved.</summary>
    public void Dispose()
    {
        _handle.Dispose();
        if (_temporaryPath is null)
            return;
        File.Delete(_temporaryPath);
        s_unfinished.TryRemove(_temporaryPath, out _);
        _temporaryPath = null;
    }
}
