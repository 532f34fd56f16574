using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LowRankTools.Formats.IO;

/// <summary>
/// What makes two paths the same file: device and inode, or volume and file id on Windows. Links of either kind and other
/// spellings of a path lead to one identity.
/// </summary>
/// <param name="Key">Compared as it is; means nothing across restarts or machines.</param>
public readonly partial record struct FileIdentity(string Key)
{
    private const int CurrentFolder = -100; // AT_FDCWD
    private const uint Inode = 0x100; // STATX_INO
    private const int FileIdInfo = 18;

    /// <summary>The identity of a file or folder, links followed; null where there is none.</summary>
    /// <param name="path">Any path.</param>
    public static unsafe FileIdentity? Of(string path)
    {
        if (!Path.Exists(path))
            return null;
        try
        {
            if (OperatingSystem.IsLinux())
            {
                // struct statx is laid out alike on every architecture: inode at 32, device's numbers at 136 and 140.
                byte* status = stackalloc byte[256];
                if (Statx(CurrentFolder, path, 0, Inode, status) == 0)
                    return Numbers(*(uint*)(status + 136), *(uint*)(status + 140), *(ulong*)(status + 32));
            }
            else if (OperatingSystem.IsMacOS())
            {
                // struct stat with 64-bit inodes: device at 0, inode at 8.
                byte* status = stackalloc byte[256];
                int result = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? StatInode64(path, status) : Stat(path, status);
                if (result == 0)
                    return Numbers(0, *(uint*)status, *(ulong*)(status + 8));
            }
            else if (OperatingSystem.IsWindows() && File.Exists(path))
            {
                using SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                byte* id = stackalloc byte[24];
                if (GetFileInformationByHandleEx(handle, FileIdInfo, id, 24) != 0)
                    return new FileIdentity(Convert.ToHexString(new ReadOnlySpan<byte>(id, 24)));
            }
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException or IOException or UnauthorizedAccessException)
        {
            // An old C library, or a file that may not be opened: its path with all links resolved has to do.
        }
        return new FileIdentity(RealPath.Of(path));
    }

    private static FileIdentity Numbers(uint major, uint minor, ulong inode) => new($"{major:x}:{minor:x}:{inode:x}");

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Statx(int folder, string path, int flags, uint mask, byte* status);

    [LibraryImport("libc", EntryPoint = "stat", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Stat(string path, byte* status);

    [LibraryImport("libc", EntryPoint = "stat$INODE64", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int StatInode64(string path, byte* status);

    [LibraryImport("kernel32", EntryPoint = "GetFileInformationByHandleEx")]
    private static unsafe partial int GetFileInformationByHandleEx(SafeFileHandle file, int kind, byte* information, int size);
}
