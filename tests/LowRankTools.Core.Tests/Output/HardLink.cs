using System.Runtime.InteropServices;

namespace LowRankTools.Core.Tests.Output;

/// <summary>A second name for a file.</summary>
internal static partial class HardLink
{
    public static void Create(string path, string name) =>
        Assert.True(OperatingSystem.IsWindows() ? CreateHardLink(name, path, 0) : Link(path, name) == 0);

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string path, string name);

    [LibraryImport("kernel32", EntryPoint = "CreateHardLinkW", StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CreateHardLink(string name, string path, nint security);
}
