using System.Runtime.InteropServices;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Engines.OnnxRuntime;

/// <summary>
/// A loaded ONNX Runtime: what the process has loaded, what the environment variable ONNXRUNTIME names, what was installed or registered.
/// Only its interface for C is used, whose first version every release still has, so that no package of it is needed.
/// </summary>
internal sealed unsafe class OnnxRuntimeLibrary
{
    private const string Remedy = "Install-LowRankEngine -Name OnnxRuntime brings it, and -OnnxRuntime registers one that is there.";

    private static readonly Lock s_gate = new();
    private static readonly Dictionary<string, OnnxRuntimeLibrary> s_loaded = [];

    private OnnxRuntimeLibrary(string path, string version, nint* functions)
    {
        (Path, Version) = (path, version);
        Api = new OnnxApi(functions);
    }

    /// <summary>Full path of the library.</summary>
    public string Path { get; }

    /// <summary>Its version.</summary>
    public string Version { get; }

    /// <summary>Its functions.</summary>
    public OnnxApi Api { get; }

    /// <summary>What a list of engines says of it.</summary>
    public static EngineInfo Info => Find(EngineStore.OfUser(new OnnxRuntimeFiles().Folder), out EngineProblem? problem) is { } found
        ? new EngineInfo(OnnxRuntimeFiles.EngineName, "cpu", InstructionSet: string.Empty, Environment.ProcessorCount, Available: true, Reason: string.Empty) { Version = found.Version, Path = System.IO.Path.GetDirectoryName(found.Path)! }
        : new EngineInfo(OnnxRuntimeFiles.EngineName, "cpu", InstructionSet: string.Empty, ThreadCount: 0, Available: false, problem!.Reason) { Remedy = problem.Remedy };

    /// <summary>The one that is there.</summary>
    /// <exception cref="LowRankToolsException"><c>EngineUnavailable</c>.</exception>
    public static OnnxRuntimeLibrary Require() => Require(EngineStore.OfUser(new OnnxRuntimeFiles().Folder));

    internal static OnnxRuntimeLibrary Require(EngineStore store) => Find(store, out EngineProblem? problem)
        ?? throw new LowRankToolsException(CoreErrors.EngineUnavailable, $"ONNX Runtime is not available: {problem!.Reason}.", problem.Remedy, problem.Cause);

    /// <summary>Loads a library.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="problem">Why it cannot be used; null where it can.</param>
    public static OnnxRuntimeLibrary? At(string path, out EngineProblem? problem)
    {
        lock (s_gate)
        {
            problem = null;
            if (s_loaded.TryGetValue(path, out OnnxRuntimeLibrary? loaded))
                return loaded;
            try
            {
                nint* api = ((delegate* unmanaged<nint*>)NativeLibrary.GetExport(NativeLibrary.Load(path), "OrtGetApiBase"))();
                string version = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)api[1])()) ?? string.Empty;
                nint* functions = ((delegate* unmanaged<uint, nint*>)api[0])(OnnxApi.InterfaceVersion);
                if (functions is not null)
                    return s_loaded[path] = new OnnxRuntimeLibrary(path, version, functions);
                problem = new EngineProblem($"ONNX Runtime {version} in '{path}' has another interface", Remedy);
            }
            catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
            {
                problem = new EngineProblem($"'{path}' cannot be loaded as ONNX Runtime", Remedy, e);
            }
            return null;
        }
    }

    private static OnnxRuntimeLibrary? Find(EngineStore store, out EngineProblem? problem)
    {
        string? named = Environment.GetEnvironmentVariable(OnnxRuntimeFiles.Variable);
        // A process that has one has chosen: its settings and memory are one for all.
        string? path = LoadedLibraries.Find(OnnxRuntimeFiles.FileName)
            ?? (named is { Length: > 0 } ? OnnxRuntimeFiles.Library(named) : store.Location() is { } folder ? OnnxRuntimeFiles.Library(folder) : null);
        if (path is not null)
            return At(path, out problem);
        problem = new EngineProblem(named is { Length: > 0 } ? $"{OnnxRuntimeFiles.Variable} names '{named}', which holds none" : "ONNX Runtime is not installed", Remedy);
        return null;
    }
}
