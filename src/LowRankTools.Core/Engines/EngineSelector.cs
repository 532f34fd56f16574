using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Core.Engines;

/// <summary>Turns what was asked for into an engine, or into the reason why there is none.</summary>
public static class EngineSelector
{
    /// <summary>Selects an engine and, where that is TorchSharp, loads it.</summary>
    /// <param name="choice">What was asked for.</param>
    /// <exception cref="LowRankToolsException">
    /// <c>EngineUnavailable</c>: asked for and not there, with the loader's reason; <c>OptionInvalid</c>: no such device.
    /// </exception>
    public static SelectedEngine Select(EngineChoice choice) => Select(choice, EnginePlugin.TorchSharp);

    /// <summary>Selects an engine that will run networks: with nothing asked for, another than the embedded one where it was measured to be at least twice as fast.</summary>
    /// <param name="choice">What was asked for.</param>
    /// <param name="threads">Threads asked for; measured times hold for the default, zero.</param>
    /// <exception cref="LowRankToolsException">As <see cref="Select(EngineChoice)"/>.</exception>
    public static SelectedEngine SelectForNetworks(EngineChoice choice, int threads) => SelectForNetworks(choice, threads, EngineStore.OfUser(), EnginePlugin.TorchSharp);

    internal static SelectedEngine SelectForNetworks(EngineChoice choice, int threads, EngineStore store, EnginePlugin plugin)
    {
        SelectedEngine asked = Select(choice, plugin);
        return choice.IsOpen && threads == 0 && EngineTimes.Read(store) is { } times && times.Knows(asked.Info) && times.FasterForNetworks(asked.Info) is { } faster
            ? Measured(faster, times, plugin) ?? asked : asked;
    }

    /// <summary>An engine that was measured; null where it has been removed or replaced since.</summary>
    internal static SelectedEngine? Measured(EngineTime measured, EngineTimes times, EnginePlugin plugin)
    {
        try
        {
            SelectedEngine engine = FromPlugin(plugin, measured.Device);
            return times.Knows(engine.Info) ? engine : null;
        }
        catch (LowRankToolsException e) when (e.ErrorId == CoreErrors.EngineUnavailable)
        {
            return null;
        }
    }

    internal static SelectedEngine Select(EngineChoice choice, EnginePlugin plugin)
    {
        string device = choice.FullDevice;
        if (choice.Engine == EngineKind.TorchSharp)
            return FromPlugin(plugin, device);
        if (device == EngineCatalog.Embedded.Device)
            return Embedded();
        if (choice.Engine == EngineKind.Embedded)
        {
            throw new LowRankToolsException(CoreErrors.EngineUnavailable, $"The embedded engine computes on the processor, not on {device}.",
                "Ask for the engine TorchSharp, or for the device cpu.");
        }
        try
        {
            return FromPlugin(plugin, device);
        }
        catch (LowRankToolsException e) when (e.ErrorId == CoreErrors.EngineUnavailable)
        {
            return Embedded(e.Message);
        }
    }

    private static SelectedEngine Embedded(string fallback = "") =>
        new(EngineCatalog.Embedded, options => new EmbeddedEngine(options), fallback);

    private static SelectedEngine FromPlugin(EnginePlugin plugin, string device)
    {
        IEngineProvider provider = plugin.Provider;
        EngineInfo info = provider.Engines.FirstOrDefault(e => e.Device == device)
            ?? provider.Engines.FirstOrDefault(e => device.StartsWith(e.Device, StringComparison.Ordinal) && !e.Available)
            ?? new EngineInfo(plugin.Name, device, string.Empty, 0, Available: false, $"there is no device {device}");
        if (!info.Available)
        {
            throw new LowRankToolsException(CoreErrors.EngineUnavailable, $"{plugin.Name} is there, but not on {device}: {info.Reason}.",
                info.Remedy.Length > 0 ? info.Remedy : "Get-LowRankEngine lists what is there.");
        }
        return new SelectedEngine(info, options => provider.Create(device, options));
    }
}
