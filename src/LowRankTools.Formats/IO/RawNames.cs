using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace LowRankTools.Formats.IO;

/// <summary>
/// File names are bytes on Linux, and text here: bytes that are no UTF-8 arrive as U+FFFD, and the file cannot be found
/// under the name that was seen. The bytes are looked up again to show them.
/// </summary>
public static partial class RawNames
{
    private const char Replacement = '\uFFFD';

    // struct dirent on 64-bit Linux: inode, offset, length of the record, kind, name.
    private const int NameOffset = 19, MostNames = 1_000_000;

    /// <summary>Refuses a path that cannot be found because a name in it is no UTF-8.</summary>
    /// <param name="path">Full path, as the system's text for it.</param>
    /// <exception cref="ModelFormatException"><c>FileNameInvalid</c>, with the name's bytes.</exception>
    public static void Check(string path)
    {
        if (!OperatingSystem.IsLinux() || !path.Contains(Replacement, StringComparison.Ordinal))
            return;
        string folder = "/";
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            string full = Path.Combine(folder, part);
            if (part.Contains(Replacement, StringComparison.Ordinal) && !Path.Exists(full) && Find(folder, part) is { } bytes)
                throw new ModelFormatException(FormatErrors.FileNameInvalid, $"The name '{Show(bytes)}' in {folder} is not UTF-8.");
            folder = full;
        }
    }

    /// <summary>A name with every byte that is no printable ASCII spelt out.</summary>
    private static string Show(byte[] name)
    {
        StringBuilder text = new();
        foreach (byte b in name)
            _ = b is >= 0x20 and < 0x7F ? text.Append((char)b) : text.Append(CultureInfo.InvariantCulture, $"\\x{b:X2}");
        return text.ToString();
    }

    private static unsafe byte[]? Find(string folder, string name)
    {
        nint stream = OpenFolder(folder);
        if (stream == 0)
            return null;
        try
        {
            for (int i = 0; i < MostNames && ReadFolder(stream) is var entry && entry != 0; i++)
            {
                ReadOnlySpan<byte> bytes = MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)entry + NameOffset);
                if (Encoding.UTF8.GetString(bytes) == name)
                    return bytes.ToArray();
            }
            return null;
        }
        finally
        {
            _ = CloseFolder(stream);
        }
    }

    [LibraryImport("libc", EntryPoint = "opendir", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint OpenFolder(string path);

    [LibraryImport("libc", EntryPoint = "readdir")]
    private static partial nint ReadFolder(nint stream);

    [LibraryImport("libc", EntryPoint = "closedir")]
    private static partial int CloseFolder(nint stream);
}
