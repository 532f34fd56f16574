using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Engines;

/// <summary>
/// What an assembly that brings further engines offers. It is loaded into a context of its own and meets the product
/// only through this interface.
/// </summary>
public interface IEngineProvider
{
    /// <summary>One entry for each device, and for each kind of device that is missing with the reason why.</summary>
    IReadOnlyList<EngineInfo> Engines { get; }

    /// <summary>Makes an engine; making one is cheap, and several may compute side by side.</summary>
    /// <param name="device">Device of an entry that is available, such as <c>cpu</c> or <c>cuda:0</c>.</param>
    /// <param name="options">Threads and seed; null for the defaults.</param>
    /// <exception cref="LowRankToolsException">EngineUnavailable: there is no such device.</exception>
    ITensorEngine Create(string device, ComputeOptions? options = null);
}
