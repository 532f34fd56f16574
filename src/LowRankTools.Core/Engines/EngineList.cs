using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.OnnxRuntime;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Engines;

/// <summary>Every engine that the product knows of, whether it can run here or not.</summary>
public static class EngineList
{
    /// <summary>Names of engines; nothing is loaded to tell them.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. ComputingNames, OnnxRuntimeFiles.EngineName];

    /// <summary>Names of those that compute: ONNX Runtime is there to run whole graphs alone.</summary>
    public static IReadOnlyList<string> ComputingNames => [nameof(EngineKind.Embedded), nameof(EngineKind.TorchSharp)];

    /// <summary>One entry for each engine and device, the one that always runs first. Loads TorchSharp and ONNX Runtime where they are there.</summary>
    public static IReadOnlyList<EngineInfo> All => [.. List(EnginePlugin.TorchSharp), OnnxRuntimeLibrary.Info];

    /// <summary>What the loader said of an engine that cannot be loaded, word for word; empty where it said nothing.</summary>
    public static string LoaderText => EnginePlugin.TorchSharp.TryLoad(out EngineProblem? problem) is null ? problem!.Cause?.Message ?? string.Empty : string.Empty;

    internal static IReadOnlyList<EngineInfo> List(EnginePlugin plugin) => plugin.TryLoad(out EngineProblem? problem) is { } provider
        ? [EngineCatalog.Embedded, .. provider.Engines]
        : [EngineCatalog.Embedded, new EngineInfo(plugin.Name, "cpu", InstructionSet: string.Empty, ThreadCount: 0, Available: false, problem!.Reason) { Remedy = problem.Remedy }];
}
