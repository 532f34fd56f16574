namespace LowRankTools.Numerics.Engines;

/// <summary>Which engines run networks.</summary>
public static class NetworkEngines
{
    /// <summary>An engine as one that has the network primitives.</summary>
    /// <exception cref="LowRankToolsException">EngineHasNoNetworks.</exception>
    public static INetworkEngine Require(ITensorEngine engine) => engine as INetworkEngine ?? throw new LowRankToolsException(
        "EngineHasNoNetworks", $"The {engine.Info.Name} engine on {engine.Info.Device} factorizes, but does not run networks.", "Run networks on the Embedded engine.");
}
