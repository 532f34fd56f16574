using LowRankTools.Core.Engines;
using LowRankTools.Decompositions.Pivoted;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Layers.Pivoted;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Speed;

/// <summary>Times linear layers against pairs and pivoted pairs of the same ranks in their place on this machine.</summary>
/// <param name="options">Ranks or a ratio, tokens, engine, time.</param>
public sealed class MeasurePivotedSpeed(PivotedSpeedOptions options)
{
    private readonly PivotedLayer _method = new();

    /// <summary>Times one layer; a result for each rank, ascending, or one at the ratio.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="progress">Told about every one.</param>
    /// <param name="cancellationToken">Stops between and inside products.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>RankExceedsLayer</c>, <c>EngineUnavailable</c>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<PivotedSpeed> Run(MeasuredLayer layer, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        int[] shape = [layer.Shape.OutFeatures, layer.Shape.InFeatures];
        if (!_method.Takes(shape))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{layer.Name}' is {layer.Shape}: a single row is no combination of others.", "Measure layers of several outputs.");
        int most = _method.MostRanks(shape)[0];
        if (options.Ranks.Any(r => r > most))
            throw new LowRankToolsException(CoreErrors.RankExceedsLayer, $"A layer of {layer.Shape} has no pivoted pair of rank {options.Ranks.Max()}.", $"Its ranks go up to {most}.");
        int[] ranks = options.Ranks.Count > 0 ? [.. options.Ranks.Distinct().Order()] : [_method.RanksWithin(shape, options.KeepRatio * shape[0] * shape[1])[0]];
        List<PivotedSpeed> results = [];
        foreach (int rank in ranks)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Measuring", $"{layer.Name}, rank {rank}", results.Count, ranks.Length));
            results.Add(Measure(layer, rank, cancellationToken));
        }
        return results;
    }

    private PivotedSpeed Measure(MeasuredLayer layer, int rank, CancellationToken cancellationToken)
    {
        (int outputs, int inputs) = (layer.Shape.OutFeatures, layer.Shape.InFeatures);
        SelectedEngine selected = EngineSelector.Select(options.Engine);
        INetworkEngine engine = selected.CreateForNetworks(options.ThreadCount);
        ParameterFactory factory = new(engine);
        using Linear dense = new(factory, inputs, outputs, bias: false);
        using LowRankLinear pair = new(factory, inputs, outputs, rank, bias: false);
        using PivotedLinear pivoted = new(Pivots(engine, outputs, rank), factory.Normal(0.1, rank, inputs), factory.Normal(0.1, outputs - rank, rank), null);
        using ITensor tokens = engine.Random(1, options.BatchSize, inputs);
        IReadOnlyList<RunTimes> times = new AlternatingTimer(options.Timing).Measure(
            [.. new LinearLayer[] { dense, pair, pivoted }.Select(l => (Action)(() => DeviceWait.Run(engine, pass => l.Forward(pass, tokens), cancellationToken)))], cancellationToken: cancellationToken);
        return new PivotedSpeed
        {
            Name = layer.Name,
            Path = layer.Path,
            Layers = layer.Layers,
            OutFeatures = outputs,
            InFeatures = inputs,
            BatchSize = options.BatchSize,
            Rank = rank,
            Parameters = _method.Parameters([outputs, inputs], [rank]),
            Dense = times[0],
            Pair = times[1],
            Pivoted = times[2],
            Engine = selected.ToString(),
            InstructionSet = engine.Info.InstructionSet,
            ThreadCount = engine.Info.ThreadCount,
        };
    }

    /// <summary>As many ones as the rank, all over the outputs.</summary>
    private static Parameter Pivots(INetworkEngine engine, int outputs, int rank)
    {
        double[] values = [.. Enumerable.Range(0, outputs).Select(i => (double)(((i + 1L) * rank / outputs) - ((long)i * rank / outputs)))];
        using ITensor wide = engine.FromDoubles(values, outputs);
        return new Parameter(outputs) { Value = engine.Copy(wide, ElementType.Float32) };
    }
}
