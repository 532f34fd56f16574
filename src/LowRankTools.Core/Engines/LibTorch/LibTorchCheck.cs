using LowRankTools.Core.Engines.Libraries;

namespace LowRankTools.Core.Engines.LibTorch;

/// <summary>
/// Whether a libtorch fits TorchSharp and this process, found out before anything is loaded: a library that does not fit may load
/// all the same and end the process later.
/// </summary>
internal static class LibTorchCheck
{
    private const string CppRuntime = "libstdc++.so.6";

    /// <summary>Why a libtorch cannot be used; null where it can.</summary>
    /// <param name="folder">The libtorch.</param>
    /// <param name="wrapper">Full path of TorchSharp's native library.</param>
    public static EngineProblem? Problem(LibTorchFolder folder, string wrapper)
    {
        const string Other = "Install-LowRankEngine brings the version that fits.";
        if (folder.Version is { } version && version != LibTorchNames.Version)
            return new EngineProblem($"libtorch in '{folder.Path}' is version {version}, and TorchSharp {LibTorchNames.TorchSharpVersion} was built for {LibTorchNames.Version}", Other);
        if (OperatingSystem.IsLinux())
            return LinuxProblem(folder, wrapper, Other);
        return folder.Version is null
            ? new EngineProblem($"nothing tells the version of libtorch in '{folder.Path}'", $"If it is {LibTorchNames.Version}, write that into a file {LibTorchFolder.VersionFile} beside it.")
            : null;
    }

    /// <summary>Versions of symbols that a library needs and this process' libraries lack.</summary>
    /// <param name="library">The library that is to be loaded.</param>
    /// <param name="loaded">Full paths of what is loaded.</param>
    public static IEnumerable<ElfVersionNeed> Missing(ElfLibrary library, IReadOnlyList<string> loaded)
    {
        foreach (IGrouping<string, ElfVersionNeed> needs in library.Needs.Where(n => !n.IsWeak).GroupBy(n => n.Library))
        {
            // What is not loaded yet is the loader's to find; the C++ library always is, by the runtime itself.
            if (LoadedLibraries.Find(loaded, needs.Key) is not { } file)
                continue;
            HashSet<string> offered = [.. ElfLibrary.Read(file).Versions];
            foreach (ElfVersionNeed need in needs.Where(n => !offered.Contains(n.Version)))
                yield return need;
        }
    }

    private static EngineProblem? LinuxProblem(LibTorchFolder folder, string wrapper, string other)
    {
        try
        {
            IReadOnlyList<string> loaded = LoadedLibraries.Files();
            ElfLibrary torchSharp = ElfLibrary.Read(wrapper);
            ElfLibrary[] libraries = [.. folder.Files.Select(ElfLibrary.Read)];
            ElfVersionNeed? missing = libraries.Prepend(torchSharp).SelectMany(l => Missing(l, loaded)).FirstOrDefault();
            if (missing is not null)
                return TooOld(missing, LoadedLibraries.Find(loaded, missing.Library)!);
            HashSet<string> wanted = Unversioned(torchSharp, defined: false);
            foreach (ElfLibrary library in libraries)
                wanted.ExceptWith(Unversioned(library, defined: true));
            return wanted.Count == 0 ? null
                : new EngineProblem($"libtorch in '{folder.Path}' lacks {wanted.Count} functions that TorchSharp {LibTorchNames.TorchSharpVersion} calls, {wanted.First()} for one", other);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException or LowRankTools.Numerics.LowRankToolsException)
        {
            return new EngineProblem($"libtorch in '{folder.Path}' cannot be read", other, e);
        }
    }

    private static EngineProblem TooOld(ElfVersionNeed missing, string file) => missing.Library == CppRuntime
        ? new EngineProblem($"this system's C++ library is too old: TorchSharp needs {missing.Version}, and '{file}' lacks it",
            $"Use a newer system, such as Debian 13 or Ubuntu 24.04, or start the process with LD_LIBRARY_PATH set to a folder that holds a newer {CppRuntime}.")
        : new EngineProblem($"this system is too old: TorchSharp needs {missing.Version}, and '{file}' lacks it", "Use a newer system, such as Debian 13 or Ubuntu 24.04.");

    // Symbols of the C and C++ libraries have versions; libtorch's have none.
    private static HashSet<string> Unversioned(ElfLibrary library, bool defined) =>
        [.. library.Symbols.Where(s => s.IsDefined == defined && (defined || (!s.IsWeak && s.VersionIndex <= 1)) && s.Name.Length > 0).Select(s => s.Name)];
}
