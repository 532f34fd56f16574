using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.LibTorch;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Engines;

/// <summary>An engine in an assembly of its own, loaded once and only when it is asked for.</summary>
/// <param name="name">Name to ask for.</param>
/// <param name="folder">Folder that holds the assembly with its packages.</param>
/// <param name="assembly">Name of the assembly, without its extension.</param>
/// <param name="natives">Finds the native libraries that have to be loaded first, given the folder; null for none.</param>
internal sealed class EnginePlugin(string name, string folder, string assembly, Func<string, EngineNatives>? natives = null)
{
    private readonly Lock _gate = new();
    private IEngineProvider? _provider;

    /// <summary>TorchSharp, in the folder <c>torch</c> beside this assembly.</summary>
    public static EnginePlugin TorchSharp { get; } =
        new(nameof(EngineKind.TorchSharp), Path.Combine(ProductFolder.Path, "torch"), "LowRankTools.TorchSharp", LibTorchSearch.Find);

    /// <summary>Name to ask for.</summary>
    public string Name => name;

    /// <summary>Its engines.</summary>
    /// <exception cref="LowRankToolsException"><c>EngineUnavailable</c>.</exception>
    public IEngineProvider Provider => TryLoad(out EngineProblem? problem)
        ?? throw new LowRankToolsException(CoreErrors.EngineUnavailable, $"The engine {name} is not available: {problem!.Reason}.", problem.Remedy, problem.Cause);

    /// <summary>Why a libtorch does not fit this engine; null where it does.</summary>
    /// <param name="libTorch">A libtorch.</param>
    public EngineProblem? Misfit(LibTorchFolder libTorch) => LibTorchSearch.Problem(folder, libTorch);

    /// <summary>Its engines; null where it cannot be loaded. What was missing may be there the next time.</summary>
    /// <param name="problem">Why it cannot be loaded; null where it can.</param>
    public IEngineProvider? TryLoad(out EngineProblem? problem)
    {
        lock (_gate)
        {
            problem = null;
            return _provider ??= Load(out problem);
        }
    }

    private IEngineProvider? Load(out EngineProblem? problem)
    {
        problem = !RuntimeFeature.IsDynamicCodeSupported ? new EngineProblem("a native program loads no other engine", "Use the module, or the console program as a .NET tool.")
            : !Directory.Exists(folder) ? new EngineProblem($"its folder '{folder}' is missing", "Build or install the module again.")
            : null;
        if (problem is not null)
            return null;
        EngineNatives libraries = natives?.Invoke(folder) ?? new EngineNatives([]);
        problem = libraries.Problem;
        return problem is null ? LoadFrom(libraries.Files, out problem) : null;
    }

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Reached only where assemblies can be loaded, and programs that can are not trimmed.")]
    [UnconditionalSuppressMessage("Trimming", "IL2072", Justification = "As above.")]
    private IEngineProvider? LoadFrom(IReadOnlyList<string> libraries, out EngineProblem? problem)
    {
        problem = null;
        try
        {
            EngineLoadContext context = new(folder, name);
            OpenMp.WaitPassively();
            // The package would search for them too, but tell the console of a failure and hide the linker's reason.
            foreach (string library in libraries)
                context.LoadNative(library);
            Type provider = context.LoadFromAssemblyPath(Path.Combine(folder, assembly + ".dll")).GetExportedTypes().Single(typeof(IEngineProvider).IsAssignableFrom);
            return (IEngineProvider)Activator.CreateInstance(provider)!;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Exception cause = e is TargetInvocationException { InnerException: { } inner } ? inner : e;
            problem = new EngineProblem(Sentence(cause.Message), "Install-LowRankEngine -Force lays libtorch out again.", cause);
            return null;
        }
    }

    // The linker's advice for developers follows its reason.
    private static string Sentence(string message) => message.Split('\n')[0].Trim().TrimEnd('.');
}
