using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.LibTorch;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Engines;

/// <summary>
/// Keeps an engine's packages to itself: another module may bring the same ones in other versions. Shared with the product is the
/// assembly that the engine contract lies in, and with the session the package that the engine is made of, where that is the same one.
/// </summary>
/// <param name="folder">Folder of the engine's assemblies.</param>
/// <param name="shared">Name of the assembly that is taken from the session where it is there in the same version; null for none.</param>
internal sealed class EngineLoadContext(string folder, string? shared = null) : AssemblyLoadContext(Path.GetFileName(folder))
{
    private static readonly Assembly s_contract = typeof(ITensorEngine).Assembly;

    private readonly Dictionary<string, IntPtr> _natives = [];

    /// <summary>Loads a native library, which the engine's assemblies then find by its name.</summary>
    /// <param name="path">Full path.</param>
    /// <exception cref="DllNotFoundException">It is missing, or something that it needs is, or the process holds another one of that name.</exception>
    public void LoadNative(string path)
    {
        if (!File.Exists(path))
            throw new DllNotFoundException($"there is no native library '{path}'");
        _natives[Path.GetFileName(path)] = NativeLibrary.Load(LoadedElsewhere(path) ?? path);
    }

    /// <inheritdoc/>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Programs that load assemblies are not trimmed.")]
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        if (assemblyName.Name == s_contract.GetName().Name)
            return s_contract;
        string path = Path.Combine(folder, assemblyName.Name + ".dll");
        if (!File.Exists(path))
            return null;
        return (assemblyName.Name == shared ? OfSession(path) : null) ?? LoadFromAssemblyPath(path);
    }

    /// <inheritdoc/>
    protected override IntPtr LoadUnmanagedDll(string unmanagedDllName) =>
        FileNames(unmanagedDllName).Select(file => _natives.GetValueOrDefault(file)).FirstOrDefault(handle => handle != IntPtr.Zero);

    // A notebook or program that has the same package gives its own, so that both count the same tensors.
    private static Assembly? OfSession(string path)
    {
        AssemblyName ours = AssemblyName.GetAssemblyName(path);
        return Default.Assemblies.FirstOrDefault(a => a.GetName().Name == ours.Name && a.GetName().Version == ours.Version);
    }

    // A process can hold one libtorch: a second copy registers the same kernels again and ends it. Where a program or a
    // notebook has TorchSharp of its own, the same native library is shared, and another one is refused.
    private static string? LoadedElsewhere(string path)
    {
        string name = Path.GetFileName(path);
        string? other = LoadedLibraries.Files().FirstOrDefault(file => Path.GetFileName(file) == name && file != path);
        if (other is not null && new FileInfo(other).Length != new FileInfo(path).Length)
            throw new DllNotFoundException($"another {name} is already loaded from '{Path.GetDirectoryName(other)}', and a process can hold one only");
        return other;
    }

    private static string[] FileNames(string name) => [name, LibTorchNames.FileName(name), name + Path.GetExtension(LibTorchNames.FileName(name))];
}
