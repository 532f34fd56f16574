using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Benchmarks;

/// <summary>The second engine, where this machine has libtorch: without it the rows that need it say so and are left out.</summary>
internal static class TorchSharpEngine
{
    /// <summary>Whether it can be had; prints why not. Loads libtorch into this process.</summary>
    public static bool IsThere() => Create(0) is not null;

    /// <summary>The engine on the processor with as many threads (0: every core), null where it cannot be had, which is printed.</summary>
    public static INetworkEngine? Create(int threads)
    {
        try
        {
            return EngineSelector.Select(new EngineChoice { Engine = EngineKind.TorchSharp, Device = "cpu" }).CreateForNetworks(threads);
        }
        catch (LowRankToolsException e)
        {
            Console.WriteLine($"   TorchSharp: {e.Message}");
            return null;
        }
    }
}
