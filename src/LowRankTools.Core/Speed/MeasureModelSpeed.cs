using LowRankTools.Core.Architectures;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Speed;

/// <summary>
/// Times the forward runs of models on made-up input. Several models, or one dense and factorized, take turns, so that
/// their ratio stays true on a machine that is not idle.
/// </summary>
/// <param name="options">Input, ranks, engine, time.</param>
public sealed class MeasureModelSpeed(ModelSpeedOptions options)
{
    /// <summary>Loads the models, all into memory, and times them; with ranks each one as it is and at each rank.</summary>
    /// <param name="models">The models; speed-ups are over the first.</param>
    /// <param name="progress">Told about every tensor that is loaded, and about the timing.</param>
    /// <param name="cancellationToken">Stops loading and running, inside a run too.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>EngineUnavailable</c>, <c>EngineHasNoNetworks</c>, and those of <see cref="RunnableModel.Open(ModelSource, INetworkEngine, IProgress{OperationProgress}?, CancellationToken)"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<ModelSpeed> Run(IReadOnlyList<ModelSource> models, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        SelectedEngine selected = EngineSelector.SelectForNetworks(options.Engine, options.ThreadCount);
        INetworkEngine engine = selected.CreateForNetworks(options.ThreadCount);
        List<TimedModel> loaded = [];
        try
        {
            foreach (ModelSource source in models)
            {
                loaded.Add(TimedModel.Load(source, engine, null, options, progress, cancellationToken));
                foreach (int rank in options.Ranks)
                    loaded.Add(TimedModel.Load(source, engine, rank, options, progress, cancellationToken));
            }
            (LayerWork, long?)[] observed = [.. loaded.Select(m => m.Observe(selected, options.ThreadCount, cancellationToken))];
            progress?.Report(new OperationProgress("Timing", "forward runs", 0, 0));
            IReadOnlyList<RunTimes> times = new AlternatingTimer(options.Timing).Measure(
                [.. loaded.Select<TimedModel, Action>(m => () => m.Forward(cancellationToken))], cancellationToken: cancellationToken);
            return [.. loaded.Select((m, i) => m.Result(times[i], i == 0 ? null : times[0], observed[i]))];
        }
        finally
        {
            loaded.ForEach(m => m.Dispose());
        }
    }
}
