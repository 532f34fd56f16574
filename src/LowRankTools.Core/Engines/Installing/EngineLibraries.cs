using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.OnnxRuntime;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Engines.Installing;

/// <summary>The native libraries that can be installed.</summary>
internal static class EngineLibraries
{
    /// <summary>The library of an engine.</summary>
    /// <param name="engine">Name of the engine.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: it has none, or there is no such engine.</exception>
    public static EngineLibrary Of(string engine) =>
        engine.Equals(OnnxRuntimeFiles.EngineName, StringComparison.OrdinalIgnoreCase) ? new OnnxRuntimeFiles()
        : engine.Equals(nameof(EngineKind.TorchSharp), StringComparison.OrdinalIgnoreCase) ? new LibTorchLibrary(EnginePlugin.TorchSharp)
        : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{engine}' is no engine that is installed.", $"Give {nameof(EngineKind.TorchSharp)} or {OnnxRuntimeFiles.EngineName}.");
}
