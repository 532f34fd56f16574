using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>Every engine that the product knows of, whether it can run here or not.</summary>
public static class EngineList
{
    private const string TorchSharpMissing = "the module was built without -p:TorchBackend";

    /// <summary>The engines, the one that always runs first.</summary>
    public static IReadOnlyList<EngineInfo> All =>
    [
        EngineCatalog.Embedded,
        new EngineInfo("TorchSharp", "cpu", InstructionSet: string.Empty, ThreadCount: 0, Available: false, TorchSharpMissing),
    ];
}
