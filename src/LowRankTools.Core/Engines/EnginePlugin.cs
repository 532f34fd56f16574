using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>An engine in an assembly of its own, loaded once and only when it is asked for.</summary>
/// <param name="name">Name to ask for.</param>
/// <param name="folder">Folder that holds the assembly with all that it needs.</param>
/// <param name="assembly">Name of the assembly, without its extension.</param>
/// <param name="native">Native library that all others hang on, without prefix and extension; null for none.</param>
internal sealed class EnginePlugin(string name, string folder, string assembly, string? native = null)
{
    private readonly Lazy<(IEngineProvider? Provider, string Reason)> _loaded = new(() => Load(folder, assembly, native));

    /// <summary>TorchSharp, in the folder <c>torch</c> beside this assembly.</summary>
    public static EnginePlugin TorchSharp { get; } =
        new(nameof(EngineKind.TorchSharp), Path.Combine(Home, "torch"), "LowRankTools.TorchSharp", "LibTorchSharp");

    /// <summary>Name to ask for.</summary>
    public string Name => name;

    /// <summary>Why it cannot be loaded, in the loader's own words; empty when it can.</summary>
    public string Reason => _loaded.Value.Reason;

    /// <summary>Its engines.</summary>
    /// <exception cref="LowRankToolsException"><c>EngineUnavailable</c>.</exception>
    public IEngineProvider Provider => _loaded.Value.Provider
        ?? throw new LowRankToolsException(CoreErrors.EngineUnavailable, $"The engine {name} is not available: {Reason}.",
            "Use the embedded engine, or a build with -p:TorchBackend=cpu, cuda-windows or cuda-linux.");

    // A program in one file has no assembly on disk.
    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "An empty answer is expected.")]
    private static string Home => Path.GetDirectoryName(typeof(EnginePlugin).Assembly.Location) is { Length: > 0 } beside ? beside : AppContext.BaseDirectory;

    private static (IEngineProvider? Provider, string Reason) Load(string folder, string assembly, string? native)
    {
        if (!RuntimeFeature.IsDynamicCodeSupported)
            return (null, "a native program loads no other engine");
        return Directory.Exists(folder) ? LoadFrom(folder, assembly, native) : (null, "the module was built without -p:TorchBackend");
    }

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Reached only where assemblies can be loaded, and programs that can are not trimmed.")]
    [UnconditionalSuppressMessage("Trimming", "IL2072", Justification = "As above.")]
    private static (IEngineProvider? Provider, string Reason) LoadFrom(string folder, string assembly, string? native)
    {
        string path = Path.Combine(folder, assembly + ".dll");
        try
        {
            EngineLoadContext context = new(folder);
            // TorchSharp would search for it too, but tell the console of a failure and hide the linker's reason.
            if (native is not null)
                context.LoadNative(native);
            Type provider = context.LoadFromAssemblyPath(path).GetExportedTypes().Single(typeof(IEngineProvider).IsAssignableFrom);
            return ((IEngineProvider)Activator.CreateInstance(provider)!, string.Empty);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Exception cause = e is System.Reflection.TargetInvocationException { InnerException: { } inner } ? inner : e;
            return (null, cause.Message.Trim().TrimEnd('.'));
        }
    }
}
