using System.Collections.Concurrent;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Factorization;

/// <summary>What computes each layer of one run: one engine for all, or by <see cref="EngineTimes"/> the faster of two for each.</summary>
internal sealed class LayerEngines : IDisposable
{
    private readonly SelectedEngine _engine;
    private readonly SelectedEngine _small;
    private readonly HashSet<string> _moved;
    private readonly int _count;
    private readonly ConcurrentBag<string> _tooLarge = [];
    // A device computes in order; while it does, the processor scales, rounds and sends the factors of another layer.
    private readonly SemaphoreSlim _turns = new(LayersOnDevice);

    private LayerEngines(SelectedEngine engine, SelectedEngine small, HashSet<string> moved, int count) =>
        (_engine, _small, _moved, _count) = (engine, small, moved, count);

    /// <summary>Layers that a device computes side by side.</summary>
    public const int LayersOnDevice = 2;

    /// <summary>Whether an engine computes in memory of its own.</summary>
    public bool HasOwnMemory => _engine.HasOwnMemory;

    /// <summary>Whether some layers are computed by the embedded engine and some by another.</summary>
    public bool AreMixed => _moved.Count > 0;

    /// <summary>What computes chains of convolutions, whatever engine was asked for.</summary>
    public static string OfKernels { get; } = EngineSelector.Select(new EngineChoice { Engine = EngineKind.Embedded }).ToString();

    /// <summary>Which layers a device had no memory for; empty where there are none.</summary>
    public string Note => _tooLarge.IsEmpty ? string.Empty
        : $"The memory of {this} was too small for {_tooLarge.Count} of the layers ({string.Join(", ", _tooLarge.Order(StringComparer.Ordinal).Take(3))}{(_tooLarge.Count > 3 ? ", ..." : "")}): the embedded engine computed them.";

    /// <summary>Engines, devices and instruction sets, for the record.</summary>
    public string ComputedBy => Text(e => e.Info.InstructionSet.Length > 0 ? $"{e}, {e.Info.InstructionSet}" : e.ToString());

    /// <summary>Chooses. What was asked for by name computes everything; with nothing asked for it is whatever was measured to take the least time for all layers together.</summary>
    /// <param name="choice">What was asked for.</param>
    /// <param name="layers">Layers that will be computed.</param>
    /// <param name="threads">Threads asked for; measured times hold for the default, zero.</param>
    /// <exception cref="LowRankToolsException">Those of <see cref="EngineSelector"/>.</exception>
    public static LayerEngines Choose(EngineChoice choice, IReadOnlyList<LayerPlan> layers, int threads) =>
        Choose(choice, layers, threads, EngineStore.OfUser(), EnginePlugin.TorchSharp);

    internal static LayerEngines Choose(EngineChoice choice, IReadOnlyList<LayerPlan> layers, int threads, EngineStore store, EnginePlugin plugin)
    {
        SelectedEngine asked = EngineSelector.Select(choice, plugin);
        LayerEngines plain = new(asked, asked, [], layers.Count);
        if (!choice.IsOpen || threads > 0 || EngineTimes.Read(store) is not { } times || !times.Knows(asked.Info))
            return plain;
        double[] embedded = [.. layers.Select(l => Seconds(asked.Info.Name, asked.Info.Device, l))];
        (double Seconds, EngineTime? Engine) best = (embedded.Sum(), null);
        foreach (EngineTime other in times.Engines.Where(e => e.Engine != asked.Info.Name))
        {
            double seconds = other.StartSeconds + layers.Select((l, i) => Math.Min(embedded[i], Seconds(other.Engine, other.Device, l))).Sum();
            if (seconds < best.Seconds)
                best = (seconds, other);
        }
        if (best.Engine is not { } faster || EngineSelector.Measured(faster, times, plugin) is not { } engine)
            return plain;
        return new LayerEngines(engine, asked, [.. layers.Where((l, i) => embedded[i] <= Seconds(faster.Engine, faster.Device, l)).Select(l => l.Name)], layers.Count);

        double Seconds(string name, string device, LayerPlan layer) => times.Seconds(name, device, layer.Rows, layer.Columns, layer.Rank!.Value);
    }

    /// <summary>Computes one layer; what does not fit into the memory of a device the embedded engine computes.</summary>
    /// <param name="layer">Name of the layer.</param>
    /// <param name="compute">Computes; asked a second time where memory was lacking.</param>
    /// <param name="cancellationToken">Stops waiting for a turn.</param>
    public T Compute<T>(string layer, Func<SelectedEngine, T> compute, CancellationToken cancellationToken = default)
    {
        SelectedEngine chosen = Of(layer);
        if (chosen.IsEmbedded)
            return compute(chosen);
        if (chosen.HasOwnMemory)
            _turns.Wait(cancellationToken);
        try
        {
            return compute(chosen);
        }
        catch (LowRankToolsException e) when (e.ErrorId == CoreErrors.DeviceMemoryExhausted)
        {
            _tooLarge.Add(layer);
            return compute(EngineSelector.Select(new EngineChoice { Engine = EngineKind.Embedded }));
        }
        finally
        {
            if (chosen.HasOwnMemory)
                _turns.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turns.Dispose();

    /// <summary>The engine of a layer.</summary>
    internal SelectedEngine Of(string layer) => _moved.Contains(layer) ? _small : _engine;

    /// <summary>Engines and devices, for people.</summary>
    public override string ToString() => Text(e => e.ToString());

    private string Text(Func<SelectedEngine, string> name) =>
        AreMixed ? $"{name(_engine)} ({_count - _moved.Count} of {_count} layers), {name(_small)}" : name(_engine);
}
