using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>Every engine that the product knows of, whether it can run here or not.</summary>
public static class EngineList
{
    /// <summary>Names of engines; nothing is loaded to tell them.</summary>
    public static IReadOnlyList<string> Names { get; } = [nameof(EngineKind.Embedded), nameof(EngineKind.TorchSharp)];

    /// <summary>One entry for each engine and device, the one that always runs first. Loads TorchSharp where it is there.</summary>
    public static IReadOnlyList<EngineInfo> All => List(EnginePlugin.TorchSharp);

    internal static IReadOnlyList<EngineInfo> List(EnginePlugin plugin) => plugin.Reason.Length == 0
        ? [EngineCatalog.Embedded, .. plugin.Provider.Engines]
        : [EngineCatalog.Embedded, new EngineInfo(plugin.Name, "cpu", InstructionSet: string.Empty, ThreadCount: 0, Available: false, plugin.Reason)];
}
