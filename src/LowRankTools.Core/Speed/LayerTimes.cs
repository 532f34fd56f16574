using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Speed;

/// <summary>
/// What layers and their pairs cost on this machine, in seconds, as functions of the rank. Each shape is measured once
/// and remembered as long as this object lives: layers of one shape cost the same.
/// </summary>
/// <remarks>
/// The model: the dense layer and pairs of a few ranks (1, then 1/16, 1/8, 1/4, 1/2, 3/4 and all of the break-even rank)
/// are timed in turns on random numbers; between and beyond them time grows linearly with the rank, and it never falls.
/// </remarks>
/// <param name="batchSize">Tokens that a layer is called with, at least 1.</param>
/// <param name="engine">What computes; null for <see cref="EngineChoice.Auto"/>.</param>
/// <param name="threadCount">Threads; zero for the engine's default.</param>
/// <param name="timing">How often and how long each shape is timed; null for the defaults.</param>
public sealed class LayerTimes(int batchSize, EngineChoice? engine = null, int threadCount = 0, TimingOptions? timing = null)
{
    private readonly Dictionary<MatrixShape, LayerTimeCurve> _curves = [];
    private ITensorEngine? _engine;

    /// <summary>Tokens that a layer is called with.</summary>
    public int BatchSize => batchSize;

    /// <summary>The costs of a shape, measured at the first call for it.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>LayerTooLarge</c>, <c>EngineUnavailable</c>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public LayerTimeCurve Measure(MatrixShape shape, CancellationToken cancellationToken = default)
    {
        if (batchSize < 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A layer cannot be called with {batchSize} tokens.", "-BatchSize is at least 1.");
        if (_curves.TryGetValue(shape, out LayerTimeCurve? known))
            return known;
        _engine ??= EngineSelector.Select(engine ?? EngineChoice.Auto).Create(threadCount, seed: 0);
        int[] ranks = Ranks(shape);
        using LayerBench bench = new(_engine, shape, batchSize, cancellationToken);
        IReadOnlyList<RunTimes> times = new AlternatingTimer(timing ?? new TimingOptions())
            .Measure([bench.Dense(), .. ranks.Select(bench.Pair)], cancellationToken: cancellationToken);
        return _curves[shape] = new LayerTimeCurve(shape, times[0], [.. ranks.Zip(times.Skip(1))]);
    }

    private static int[] Ranks(MatrixShape shape) =>
        [.. new[] { 1.0 / 16, 1.0 / 8, 1.0 / 4, 1.0 / 2, 3.0 / 4, 1 }.Select(s => (int)(s * shape.BreakEvenRank)).Prepend(1).Where(r => r >= 1).Distinct()];
}
