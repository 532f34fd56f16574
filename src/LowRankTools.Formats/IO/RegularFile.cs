using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LowRankTools.Formats.IO;

/// <summary>
/// The one way in which files are opened for reading: regular files only. A named pipe, a socket or a device would hang
/// the program or never end, and no model is one.
/// </summary>
public static partial class RegularFile
{
    private const uint WindowsDisk = 1;

    /// <summary>Opens a file at absolute positions; others may go on reading it.</summary>
    /// <param name="path">Full path; links are followed.</param>
    /// <param name="share">What others may do with it meanwhile.</param>
    /// <exception cref="ModelFormatException"><c>NotARegularFile</c>; <c>FileNameInvalid</c>: its name is no UTF-8.</exception>
    /// <exception cref="IOException">The file is absent or cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static SafeFileHandle OpenRead(string path, FileShare share = FileShare.Read | FileShare.Delete)
    {
        if (OperatingSystem.IsWindows())
            return Checked(File.OpenHandle(path, FileMode.Open, FileAccess.Read, share, FileOptions.RandomAccess), path, WindowsKind);
        FileKind kind = UnixFile.KindOf(path);
        if (kind is not (FileKind.Regular or FileKind.Unknown))
            throw Refused(path, kind);
        if (kind == FileKind.Unknown)
            RawNames.Check(path);
        // What was a file a moment ago may be a pipe now: the open does not wait, and what it opened is looked at again.
        SafeFileHandle handle = Checked(UnixFile.OpenWithoutWaiting(path), path, UnixFile.KindOf);
        try
        {
            if ((share & FileShare.Write) == 0)
                UnixFile.Share(handle, path);
            UnixFile.ExpectRandomReads(handle);
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Whether a path leads to a regular file; a link that leads nowhere is none.</summary>
    /// <param name="path">Full path; links are followed.</param>
    public static bool Exists(string path) => OperatingSystem.IsWindows() ? File.Exists(path) : UnixFile.KindOf(path) == FileKind.Regular;

    /// <summary>Whether a path leads to something that is there and is neither a regular file nor a folder.</summary>
    /// <param name="path">Full path; links are followed.</param>
    /// <param name="kind">What it is, for people; empty otherwise.</param>
    public static bool IsSomethingElse(string path, out string kind)
    {
        FileKind found = OperatingSystem.IsWindows() ? FileKind.Regular : UnixFile.KindOf(path);
        kind = found is FileKind.Regular or FileKind.Folder or FileKind.Unknown ? "" : Word(found);
        return kind.Length > 0;
    }

    /// <summary>All bytes of a small file.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="mostBytes">Length above which nothing is read.</param>
    /// <returns>The bytes; null where the file is longer.</returns>
    /// <exception cref="ModelFormatException">As <see cref="OpenRead"/>; or the file shrank meanwhile.</exception>
    /// <exception cref="IOException">The file is absent or cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static byte[]? ReadAllBytes(string path, int mostBytes)
    {
        using ModelFileHandle file = new(path);
        if (file.Length > mostBytes)
            return null;
        byte[] bytes = new byte[file.Length];
        file.ReadExactly(0, bytes, FormatErrors.HeaderTruncated);
        return bytes;
    }

    /// <summary>The error about something that is no file.</summary>
    internal static ModelFormatException Refused(string path, FileKind kind) =>
        new(FormatErrors.NotARegularFile, $"This is {Word(kind)} and no regular file.", path);

    private static string Word(FileKind kind) => kind switch
    {
        FileKind.Folder => "a folder",
        FileKind.Pipe => "a named pipe",
        FileKind.Socket => "a socket",
        _ => "a device",
    };

    private static SafeFileHandle Checked(SafeFileHandle handle, string path, Func<SafeFileHandle, FileKind> kindOf)
    {
        FileKind kind = kindOf(handle);
        if (kind == FileKind.Regular)
            return handle;
        handle.Dispose();
        throw Refused(path, kind);
    }

    private static FileKind WindowsKind(SafeFileHandle handle) => GetFileType(handle) == WindowsDisk ? FileKind.Regular : FileKind.Device;

    [LibraryImport("kernel32", EntryPoint = "GetFileType")]
    private static partial uint GetFileType(SafeFileHandle handle);
}
