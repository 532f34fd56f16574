using LowRankTools.Core.Engines;
using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.TensorTrainMatrices;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Layers.TensorTrain;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Speed;

/// <summary>Times linear layers against TT-matrices in their place on this machine.</summary>
/// <param name="options">Ranks or a ratio, tokens, engine, time.</param>
public sealed class MeasureTrainSpeed(TrainSpeedOptions options)
{
    /// <summary>Times one layer; a result for each rank, or one at the ratio.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="progress">Told about every one.</param>
    /// <param name="cancellationToken">Stops between and inside products.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>EngineUnavailable</c>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<TrainSpeed> Run(MeasuredLayer layer, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        int[] shape = [layer.Shape.OutFeatures, layer.Shape.InFeatures];
        if (options.Splits.Count > 0 && !options.Splits.Any(s => shape.Any(size => s.Aggregate(1L, (product, mode) => product * mode) == size)))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{layer.Name}' is {shape[0]} x {shape[1]}, and the modes are those of no side of it.", "Modes multiply to the size that they split, such as 4x8x8x4 for 1024.");
        LayerMethod method = new TensorTrainLayer().SplitBy(shape, options.Splits);
        IReadOnlyList<int>[] ranks = options.Ranks.Count > 0 ? [.. options.Ranks.Distinct().Order().Select(r => method.RanksOf(shape, r))]
            : [method.RanksWithin(shape, options.KeepRatio * shape[0] * shape[1])];
        List<TrainSpeed> results = [];
        foreach (IReadOnlyList<int> own in ranks)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Measuring", $"{layer.Name}, ranks {string.Join(" x ", own)}", results.Count, ranks.Length));
            results.Add(Measure(layer, method, shape, own, cancellationToken));
        }
        return results;
    }

    private TrainSpeed Measure(MeasuredLayer layer, LayerMethod method, int[] shape, IReadOnlyList<int> ranks, CancellationToken cancellationToken)
    {
        SelectedEngine selected = EngineSelector.Select(options.Engine);
        INetworkEngine engine = selected.CreateForNetworks(options.ThreadCount);
        ParameterFactory factory = new(engine);
        using Linear dense = new(factory, shape[1], shape[0], bias: false);
        using TensorTrainLinear train = new([.. method.Factors(shape, ranks).Select(f => factory.Normal(0.1, [.. f.Shape]))], null);
        using ITensor tokens = engine.Random(1, options.BatchSize, shape[1]);
        IReadOnlyList<RunTimes> times = new AlternatingTimer(options.Timing).Measure(
        [
            () => DeviceWait.Run(engine, pass => dense.Forward(pass, tokens), cancellationToken),
            () => DeviceWait.Run(engine, pass => train.Forward(pass, tokens), cancellationToken),
        ], cancellationToken: cancellationToken);
        (string order, double products) = train.OrderFor(options.BatchSize);
        return new TrainSpeed
        {
            Name = layer.Name,
            Path = layer.Path,
            Layers = layer.Layers,
            Shape = [shape[0], shape[1]],
            BatchSize = options.BatchSize,
            Method = method.Name,
            Ranks = [.. ranks.Select(r => (long)r)],
            ParametersBefore = (long)shape[0] * shape[1],
            Parameters = method.Parameters(shape, ranks),
            Dense = times[0],
            Train = times[1],
            DenseFlops = 2L * options.BatchSize * shape[0] * shape[1],
            TrainFlops = (long)(2 * products),
            Order = order,
            Engine = selected.ToString(),
            InstructionSet = engine.Info.InstructionSet,
            ThreadCount = engine.Info.ThreadCount,
        };
    }
}
