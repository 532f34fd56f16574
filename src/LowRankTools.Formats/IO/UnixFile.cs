using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LowRankTools.Formats.IO;

/// <summary>What kind of thing a path or a handle leads to.</summary>
internal enum FileKind
{
    /// <summary>Nothing that could be looked at: it is absent, or may not be seen.</summary>
    Unknown,
    Regular,
    Folder,
    Pipe,
    Socket,
    Device,
}

/// <summary>
/// The few system calls that tell a regular file from what only looks like one. Opening a named pipe waits for a writer
/// that may never come, so the kind is looked at first, and the open itself never waits.
/// </summary>
internal static partial class UnixFile
{
    private const int NoSuchFile = 2, NotPermitted = 1, AccessDenied = 13, NoSuchDevice = 6, NotAFolder = 20, Interrupted = 4;
    private const int TypeMask = 0xF000, Pipe = 0x1000, CharacterDevice = 0x2000, Folder = 0x4000, BlockDevice = 0x6000, Regular = 0x8000, Socket = 0xC000;

    private static bool IsApple => OperatingSystem.IsMacOS();

    /// <summary>The kind of what a path leads to, links followed.</summary>
    public static FileKind KindOf(string path) => IsApple ? KindOnApple(path, null) : KindOnLinux(AtCurrentFolder, path, 0);

    /// <summary>The kind of what was opened.</summary>
    public static FileKind KindOf(SafeFileHandle handle) => IsApple ? KindOnApple(null, handle) : KindOnLinux((int)handle.DangerousGetHandle(), "", EmptyPath);

    /// <summary>Opens for reading and does not wait for anybody.</summary>
    /// <exception cref="IOException">It cannot be opened; absent files and folders have their own types.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be opened.</exception>
    public static SafeFileHandle OpenWithoutWaiting(string path)
    {
        // O_RDONLY is zero; O_NONBLOCK and O_CLOEXEC differ.
        int flags = IsApple ? 0x4 | 0x1000000 : 0x800 | 0x80000;
        while (true)
        {
            int descriptor = Open(path, flags);
            if (descriptor >= 0)
                return new SafeFileHandle(descriptor, ownsHandle: true);
            int error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
                throw Failure(path, error);
        }
    }

    /// <summary>Holds the file against programs on .NET that would write it, as .NET's own way to open files does.</summary>
    /// <exception cref="IOException">Such a program has it for itself.</exception>
    public static void Share(SafeFileHandle handle, string path)
    {
        const int shared = 1, withoutWaiting = 4;
        int busy = IsApple ? 35 : 11;
        if (Lock((int)handle.DangerousGetHandle(), shared | withoutWaiting) < 0 && Marshal.GetLastPInvokeError() == busy)
            throw new IOException($"The file '{path}' is being written by another process.");
    }

    /// <summary>Tells the system that reads jump about, so that it reads nothing ahead.</summary>
    public static void ExpectRandomReads(SafeFileHandle handle)
    {
        const int random = 1;
        if (OperatingSystem.IsLinux())
            _ = Advise((int)handle.DangerousGetHandle(), 0, 0, random);
    }

    private static Exception Failure(string path, int error) => error switch
    {
        NoSuchFile => new FileNotFoundException($"Could not find file '{path}'.", path),
        NotAFolder => new DirectoryNotFoundException($"Could not find a part of the path '{path}'."),
        AccessDenied or NotPermitted => new UnauthorizedAccessException($"Access to the path '{path}' is denied."),
        NoSuchDevice => RegularFile.Refused(path, FileKind.Socket),
        _ => new IOException($"{Marshal.GetPInvokeErrorMessage(error)} : '{path}'", error),
    };

    private static FileKind KindOfMode(int mode) => (mode & TypeMask) switch
    {
        Regular => FileKind.Regular,
        Folder => FileKind.Folder,
        Pipe => FileKind.Pipe,
        Socket => FileKind.Socket,
        CharacterDevice or BlockDevice => FileKind.Device,
        _ => FileKind.Unknown,
    };

    // struct statx has one layout on every Linux: the mode is the 16-bit number at byte 28.
    private const int AtCurrentFolder = -100, EmptyPath = 0x1000, TypeOnly = 1, StatxBytes = 256, StatxMode = 28;

    private static unsafe FileKind KindOnLinux(int folder, string path, int flags)
    {
        byte* buffer = stackalloc byte[StatxBytes];
        return Statx(folder, path, flags, TypeOnly, buffer) == 0 ? KindOfMode(*(ushort*)(buffer + StatxMode)) : FileKind.Unknown;
    }

    // struct stat with 64-bit inodes: a 32-bit device, then the mode.
    private const int AppleStatBytes = 256, AppleStatMode = 4;

    private static unsafe FileKind KindOnApple(string? path, SafeFileHandle? handle)
    {
        byte* buffer = stackalloc byte[AppleStatBytes];
        bool isArm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
        int result = path is not null
            ? isArm ? Stat(path, buffer) : Stat64(path, buffer)
            : isArm ? FStat((int)handle!.DangerousGetHandle(), buffer) : FStat64((int)handle!.DangerousGetHandle(), buffer);
        return result == 0 ? KindOfMode(*(ushort*)(buffer + AppleStatMode)) : FileKind.Unknown;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Lock(int descriptor, int operation);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(int descriptor, nint offset, nint length, int advice);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Statx(int folder, string path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc", EntryPoint = "stat", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Stat(string path, byte* buffer);

    [LibraryImport("libc", EntryPoint = "stat$INODE64", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Stat64(string path, byte* buffer);

    [LibraryImport("libc", EntryPoint = "fstat")]
    private static unsafe partial int FStat(int descriptor, byte* buffer);

    [LibraryImport("libc", EntryPoint = "fstat$INODE64")]
    private static unsafe partial int FStat64(int descriptor, byte* buffer);
}
