using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Speed;

/// <summary>Times layers against their low-rank pairs on this machine, and finds the rank up to which a pair is faster.</summary>
/// <param name="options">Ranks, batch, engine, time.</param>
public sealed class MeasureLayerSpeed(LayerSpeedOptions options)
{
    /// <summary>Times one layer; a result for each rank, ascending.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="progress">Told about every rank and the search.</param>
    /// <param name="cancellationToken">Stops between and inside products.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>RankExceedsLayer</c>, <c>LayerTooLarge</c>, <c>EngineUnavailable</c>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<LayerSpeed> Run(MeasuredLayer layer, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        MatrixShape shape = layer.Shape;
        int[] ranks = Ranks(shape);
        SelectedEngine selected = EngineSelector.Select(options.Engine);
        ITensorEngine engine = selected.Create(options.ThreadCount, seed: 0);

        int steps = ranks.Length + (options.FindBreakEven ? 1 : 0);
        List<(int Rank, IReadOnlyList<RunTimes> Times)> measured = [];
        AlternatingTimer timer = new(options.Timing);
        foreach (int rank in ranks)
        {
            progress?.Report(new OperationProgress("Measuring", $"{shape}, rank {rank}", measured.Count, steps));
            using LayerBench bench = new(engine, shape, options.BatchSize, cancellationToken);
            measured.Add((rank, timer.Measure([bench.Dense(), bench.Pair(rank)], cancellationToken: cancellationToken)));
        }
        progress?.Report(new OperationProgress("Measuring", $"{shape}, break-even rank", measured.Count, steps));
        int? breakEven = options.FindBreakEven ? BreakEvenSearch.Run(engine, shape, options.BatchSize, options.Timing, cancellationToken) : null;
        return [.. measured.Select(m => new LayerSpeed
        {
            Name = layer.Name,
            Path = layer.Path,
            Layers = layer.Layers,
            OutFeatures = shape.OutFeatures,
            InFeatures = shape.InFeatures,
            BatchSize = options.BatchSize,
            Rank = m.Rank,
            Dense = m.Times[0],
            Pair = m.Times[1],
            MeasuredBreakEvenRank = breakEven,
            Engine = selected.ToString(),
            InstructionSet = engine.Info.InstructionSet,
            ThreadCount = engine.Info.ThreadCount,
        })];
    }

    private int[] Ranks(MatrixShape shape)
    {
        if (options.Ranks.Count == 0)
            return [(int)RankBounds.ForKeepRatio(shape.OutFeatures, shape.InFeatures, 0.5)];
        if (options.Ranks.Max() is int largest && largest > shape.MaximumRank)
        {
            throw new LowRankToolsException(CoreErrors.RankExceedsLayer, $"A layer of {shape} has no pair of rank {largest}.",
                $"Its ranks go up to {shape.MaximumRank}, and a pair has fewer parameters up to {shape.BreakEvenRank}.");
        }
        return [.. options.Ranks.Distinct().Order()];
    }
}
