using System.Diagnostics;

namespace LowRankTools.Core.Engines.Libraries;

/// <summary>The native libraries that this process has loaded, whoever did.</summary>
internal static class LoadedLibraries
{
    /// <summary>Full paths.</summary>
    public static IReadOnlyList<string> Files()
    {
        using Process process = Process.GetCurrentProcess();
        return [.. process.Modules.Cast<ProcessModule>().Select(module => module.FileName)];
    }

    /// <summary>Full path of a library; null where it is not loaded.</summary>
    /// <param name="fileName">Its file, such as <c>libc10.so</c>; <c>libstdc++.so.6</c> finds <c>libstdc++.so.6.0.30</c> too.</param>
    public static string? Find(string fileName) => Find(Files(), fileName);

    /// <summary>As above, in a list that was made before.</summary>
    public static string? Find(IReadOnlyList<string> files, string fileName) =>
        files.FirstOrDefault(file => Path.GetFileName(file) is { } name && (name == fileName || name.StartsWith(fileName + ".", StringComparison.Ordinal)));
}
