using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.Loader;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>
/// Keeps an engine's packages to itself: another module may bring the same ones in other versions. Shared with the
/// product is only the assembly that the engine contract lies in.
/// </summary>
internal sealed class EngineLoadContext(string folder) : AssemblyLoadContext(Path.GetFileName(folder))
{
    private static readonly Assembly s_contract = typeof(ITensorEngine).Assembly;

    /// <summary>Loads a native library of the folder.</summary>
    /// <param name="name">Its name without prefix and extension.</param>
    /// <exception cref="DllNotFoundException">It is missing, or something that it needs is.</exception>
    public void LoadNative(string name)
    {
        if (LoadUnmanagedDll(name) == IntPtr.Zero)
            throw new DllNotFoundException($"there is no native library {name} in '{folder}'");
    }

    /// <inheritdoc/>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Programs that load assemblies are not trimmed.")]
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        if (assemblyName.Name == s_contract.GetName().Name)
            return s_contract;
        string path = Path.Combine(folder, assemblyName.Name + ".dll");
        return File.Exists(path) ? LoadFromAssemblyPath(path) : null;
    }

    /// <inheritdoc/>
    protected override IntPtr LoadUnmanagedDll(string unmanagedDllName)
    {
        string? path = FileNames(unmanagedDllName).Select(file => Path.Combine(folder, file)).FirstOrDefault(File.Exists);
        return path is null ? IntPtr.Zero : LoadUnmanagedDllFromPath(LoadedElsewhere(path) ?? path);
    }

    // A process can hold one libtorch: a second copy registers the same kernels again and ends it. Where a program or a
    // notebook has TorchSharp of its own, the same native library is shared, and another one is refused.
    private static string? LoadedElsewhere(string path)
    {
        string name = Path.GetFileName(path);
        using Process process = Process.GetCurrentProcess();
        string? other = process.Modules.Cast<ProcessModule>().Select(module => module.FileName)
            .FirstOrDefault(file => Path.GetFileName(file) == name && file != path);
        if (other is not null && new FileInfo(other).Length != new FileInfo(path).Length)
            throw new DllNotFoundException($"another {name} is already loaded from '{Path.GetDirectoryName(other)}', and a process can hold one only");
        return other;
    }

    private static string[] FileNames(string name) =>
        OperatingSystem.IsWindows() ? [name, name + ".dll"]
        : OperatingSystem.IsMacOS() ? [name, $"lib{name}.dylib", name + ".dylib"]
        : [name, $"lib{name}.so", name + ".so"];
}
