using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Engines;

/// <summary>The engine that a run will use.</summary>
public sealed class SelectedEngine
{
    private readonly Func<ComputeOptions, ITensorEngine> _create;

    internal SelectedEngine(EngineInfo info, Func<ComputeOptions, ITensorEngine> create, string fallback = "")
    {
        Info = info;
        Fallback = fallback;
        _create = create;
    }

    /// <summary>Name and device.</summary>
    public EngineInfo Info { get; }

    /// <summary>Why this is not the engine that would have been preferred; empty when it is.</summary>
    public string Fallback { get; }

    /// <summary>Whether this is the engine in pure C#.</summary>
    public bool IsEmbedded => Info.Name == nameof(EngineKind.Embedded);

    /// <summary>Whether it computes on a device that has a memory of its own, in order; on the processor, layers are computed side by side.</summary>
    public bool HasOwnMemory => Info.Device != EngineCatalog.Embedded.Device;

    /// <summary>Makes an engine for one computation; several may compute side by side.</summary>
    /// <param name="threads">Threads; zero for the engine's default.</param>
    /// <param name="seed">Seed of everything random.</param>
    public ITensorEngine Create(int threads, ulong seed) => _create(new ComputeOptions { ThreadCount = threads, Seed = seed });

    /// <summary>Makes an engine that runs networks.</summary>
    /// <param name="threads">Threads; zero for the engine's default.</param>
    /// <param name="counter">What counts the work; null for nobody.</param>
    /// <exception cref="LowRankToolsException"><c>EngineHasNoNetworks</c>.</exception>
    public INetworkEngine CreateForNetworks(int threads, WorkCounter? counter = null) =>
        NetworkEngines.Require(_create(new ComputeOptions { ThreadCount = threads, Counter = counter }));

    /// <summary>Name and device, for people.</summary>
    public override string ToString() => $"{Info.Name} on {Info.Device}";
}
