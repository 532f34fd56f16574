using System.Text;
using LowRankTools.Formats.IO;
using Microsoft.Win32.SafeHandles;

namespace LowRankTools.Formats.Writing;

/// <summary>
/// A file that one process at a time has opened for itself (<c>flock</c> on Unix, sharing modes on Windows). The system lets
/// go of it when the process ends; the file of a killed one stays and is taken over.
/// </summary>
internal sealed class LocalLock : IOutputLock
{
    private const int MaxBytes = 1_000_000;
    private const int LinuxWouldBlock = 11;
    private const int MacWouldBlock = 35;
    private const int WindowsSharingViolation = unchecked((int)0x80070020);

    private readonly string _path;
    private readonly SafeFileHandle _handle;
    private bool _kept;

    private LocalLock(string path, SafeFileHandle handle)
    {
        _path = path;
        _handle = handle;
        IsExclusive = !CanOpenAgain(path);
        // One with something in it tells the next run what to finish.
        if (RandomAccess.GetLength(handle) == 0)
            TemporaryFile.DeleteAtEnd(path);
    }

    public bool IsExclusive { get; }

    /// <summary>Takes the lock; null where another process has it.</summary>
    /// <exception cref="IOException">The file cannot be created.</exception>
    public static LocalLock? TryTake(string path)
    {
        while (true)
        {
            SafeFileHandle handle;
            try
            {
                handle = Open(path, FileMode.OpenOrCreate);
            }
            catch (IOException e) when (e.HResult is LinuxWouldBlock or MacWouldBlock or WindowsSharingViolation)
            {
                return null;
            }
            if (IsStill(path, handle))
                return new LocalLock(path, handle);
            handle.Dispose();
        }
    }

    public string Read()
    {
        byte[] bytes = new byte[(int)Math.Min(RandomAccess.GetLength(_handle), MaxBytes)];
        return Encoding.UTF8.GetString(bytes, 0, RandomAccess.Read(_handle, bytes, 0));
    }

    public void Write(string text)
    {
        TemporaryFile.Spare(_path);
        RandomAccess.SetLength(_handle, 0);
        RandomAccess.Write(_handle, Encoding.UTF8.GetBytes(text), 0);
        RandomAccess.FlushToDisk(_handle);
    }

    public void Keep()
    {
        TemporaryFile.Spare(_path);
        _kept = true;
    }

    public void Dispose()
    {
        if (_handle.IsClosed)
            return;
        TemporaryFile.Spare(_path);
        if (_kept)
        {
            _handle.Dispose();
            return;
        }
        // Deleted while it is held: nobody can take a lock on a file that is about to vanish and believe in it.
        if (!OperatingSystem.IsWindows())
            File.Delete(_path);
        _handle.Dispose();
        if (OperatingSystem.IsWindows())
            TryDelete();
    }

    private void TryDelete()
    {
        try
        {
            File.Delete(_path);
        }
        catch (IOException)
        {
            // The next one has it already and will delete it.
        }
    }

    private static SafeFileHandle Open(string path, FileMode mode) => File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.None);

    private static bool CanOpenAgain(string path)
    {
        try
        {
            Open(path, FileMode.Open).Dispose();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>
    /// Whoever had the lock may have deleted its file between the opening and the locking here: such a lock keeps nobody
    /// out. Windows cannot delete what is open; elsewhere than on Linux there is no name for an open file.
    /// </summary>
    private static bool IsStill(string path, SafeFileHandle handle) =>
        !OperatingSystem.IsLinux()
        || FileIdentity.Of(path) is { } now && FileIdentity.Of($"/proc/self/fd/{handle.DangerousGetHandle()}") == now;
}
