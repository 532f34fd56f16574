using LowRankTools.Core.Engines.Libraries;

namespace LowRankTools.Core.Engines.LibTorch;

/// <summary>
/// Finds libtorch: what the process has loaded, what the environment variable LIBTORCH names, what was installed or registered. An
/// installed PyTorch is only offered, for nobody asked for it.
/// </summary>
internal static class LibTorchSearch
{
    /// <summary>Environment variable that names a folder.</summary>
    public const string Variable = "LIBTORCH";

    /// <summary>The libraries to load for TorchSharp.</summary>
    /// <param name="folder">The engine's folder, which holds TorchSharp's own native libraries.</param>
    public static EngineNatives Find(string folder) => Find(folder, EngineStore.OfUser());

    internal static EngineNatives Find(string folder, EngineStore store)
    {
        // A process that has TorchSharp already has chosen for us: the load context shares what is loaded, or refuses what differs.
        if (Shipped(folder) is { } shipped && LoadedLibraries.Find(LibTorchNames.FileName(LibTorchNames.Wrapper)) is not null)
            return new EngineNatives([shipped]);
        if (Candidate(store) is not { } found)
            return Absent();
        return Problem(folder, found) is { } problem ? new EngineNatives([], problem) : new EngineNatives([.. found.Files, Wrapper(found, Shipped(folder)!)]);
    }

    /// <summary>Why a libtorch does not fit; null where it does.</summary>
    /// <param name="folder">The engine's folder.</param>
    /// <param name="found">The libtorch.</param>
    public static EngineProblem? Problem(string folder, LibTorchFolder found) => Shipped(folder) is { } shipped
        ? LibTorchCheck.Problem(found, Wrapper(found, shipped))
        : new EngineProblem($"TorchSharp has no native library for {System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier}", "Use the embedded engine.");

    // TorchSharp's own native library, as it comes with the product.
    private static string? Shipped(string folder) => LibTorchNames.Platform is { } platform
        ? Path.Combine(folder, "runtimes", platform, "native", LibTorchNames.FileName(LibTorchNames.Wrapper))
        : null;

    private static LibTorchFolder? Candidate(EngineStore store)
    {
        if (LoadedLibraries.Find(LibTorchNames.Required[1]) is { } loaded)
            return LibTorchFolder.At(Path.GetDirectoryName(loaded)!, "this process");
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named && LibTorchFolder.At(named, Variable) is { } chosen)
            return chosen;
        return store.Location() is { } path ? LibTorchFolder.At(path, "installed") : null;
    }

    private static EngineNatives Absent()
    {
        string remedy = $"{(LibTorchNames.HasCudaDriver ? "Install-LowRankEngine -Device cuda" : "Install-LowRankEngine")} brings it.";
        if (PythonTorch.Folders().FirstOrDefault(f => f.Version == LibTorchNames.Version) is { } python)
            remedy += $" PyTorch {python.Version} fits too: Install-LowRankEngine -LibTorch '{python.Path}'.";
        string reason = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named
            ? $"{Variable} names '{named}', which holds no libtorch"
            : "libtorch is not installed";
        return EngineNatives.None(reason, remedy);
    }

    // Who has built TorchSharp's library for an older system puts it beside libtorch.
    private static string Wrapper(LibTorchFolder found, string shipped)
    {
        string beside = Path.Combine(found.Path, LibTorchNames.FileName(LibTorchNames.Wrapper));
        return OperatingSystem.IsLinux() && File.Exists(beside) && Offers(beside, shipped) ? beside : shipped;
    }

    private static bool Offers(string library, string shipped)
    {
        try
        {
            HashSet<string> wanted = Functions(shipped);
            return wanted.IsSubsetOf(Functions(library));
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException or LowRankTools.Numerics.LowRankToolsException)
        {
            return false;
        }
    }

    private static HashSet<string> Functions(string library) =>
        [.. ElfLibrary.Read(library).Symbols.Where(s => s.IsDefined && s.Name.StartsWith("THS", StringComparison.Ordinal)).Select(s => s.Name)];
}
