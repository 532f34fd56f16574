using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LowRankTools.Formats.Writing;

/// <summary>The disks of this machine.</summary>
internal sealed partial class LocalDisk : OutputDisk
{
    public override IOutputFile Create(string path) => new LocalFile(path);

    public override void Rename(string path, string newPath, bool replace) => File.Move(path, newPath, replace);

    public override void Delete(string path)
    {
        // File.Delete takes a missing file for done, but not a missing folder.
        if (File.Exists(path))
            File.Delete(path);
    }

    public override void CreateFolder(string path) => Directory.CreateDirectory(path);

    public override void DeleteFolder(string path) => Directory.Delete(path);

    public override void FlushFolder(string path)
    {
        // Windows keeps names in a journal of its own and has no such call.
        if (OperatingSystem.IsWindows())
            return;
        int folder = Open(path, 0);
        if (folder < 0)
            return;
        // Some file systems refuse to flush a folder; they have nothing to flush then.
        _ = Fsync(folder);
        _ = Close(folder);
    }

    public override IOutputLock? TryLock(string path) => LocalLock.TryTake(path);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Fsync(int file);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);

    private sealed class LocalFile(string path) : IOutputFile
    {
        private readonly SafeFileHandle _handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.Delete);

        public void Write(long position, ReadOnlySpan<byte> data) => RandomAccess.Write(_handle, data, position);

        public void Flush() => RandomAccess.FlushToDisk(_handle);

        public void Dispose() => _handle.Dispose();
    }
}
