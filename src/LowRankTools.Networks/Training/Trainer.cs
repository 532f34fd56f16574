using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Surgery;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Networks.Training;

/// <summary>
/// A training that can stop and go on: the same network, data, options and seed give the same bits, whether it ran through or went on
/// from a checkpoint, and on the embedded engine whatever the number of threads.
/// </summary>
public sealed class Trainer
{
    private readonly INetworkEngine _engine;
    private readonly ITrainingTask _task;
    private readonly Optimizer _optimizer;
    private readonly TrainingOptions _options;
    private readonly Func<CancellationToken, double>? _validation;
    private readonly DataOrder _order;
    private readonly DeterministicRandom _passSeeds;

    /// <summary>Prepares a training.</summary>
    /// <param name="engine">Where everything is computed.</param>
    /// <param name="task">Network and examples.</param>
    /// <param name="optimizer">A fresh one; stays the caller's.</param>
    /// <param name="options">Steps, batches, schedule, seed.</param>
    /// <param name="validation">Measures a loss on other examples, every <see cref="TrainingOptions.ValidateEvery"/> steps.</param>
    /// <exception cref="LowRankToolsException">TrainingOptionsInvalid, NothingToTrain.</exception>
    public Trainer(INetworkEngine engine, ITrainingTask task, Optimizer optimizer, TrainingOptions options, Func<CancellationToken, double>? validation = null)
    {
        options.Check();
        if (task.Examples < 1 || !task.Network.Parameters().Any(p => p.Trainable))
            throw new LowRankToolsException("NothingToTrain", "There is no example, or no trainable parameter.", "Give examples, and do not freeze everything.");
        (_engine, _task, _optimizer, _options, _validation) = (engine, task, optimizer, options, validation);

        // Order and dropout draw from streams of their own.
        _order = new DataOrder(options.Seed, task.Examples);
        _passSeeds = new DeterministicRandom(~options.Seed);
    }

    /// <summary>Steps done.</summary>
    public int Step { get; private set; }

    /// <summary>The losses so far.</summary>
    public TrainingCurve Curve { get; private set; } = new();

    private string Training => $"{_options.Text}, examples={_task.Examples}";

    /// <summary>Trains.</summary>
    /// <param name="until">The step to stop after; null for the last one.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="ct">
    /// Stops between steps or within the gradients of one, which is then as if it had not begun: the training may be saved, or go on.
    /// </param>
    /// <returns>The losses from the first step on.</returns>
    /// <exception cref="LowRankToolsException">LossNotFinite: before the step that would have spoiled the parameters.</exception>
    public TrainingCurve Run(int? until = null, IProgress<TrainingProgress>? progress = null, CancellationToken ct = default)
    {
        int last = Math.Min(until ?? _options.Steps, _options.Steps);
        while (Step < last)
        {
            LossPoint point = OneStep(Step + 1, ct);

            // Counted before anything can stop it: its parameters are changed.
            Step++;
            if (_validation is not null && _options.ValidateEvery > 0 && Step % _options.ValidateEvery == 0) point = point with { Validation = _validation(default) };
            Curve.Add(point);
            progress?.Report(new TrainingProgress(point, _options.Steps));
        }

        return Curve;
    }

    /// <summary>Copies everything that is needed to go on. Not while <see cref="Run"/> runs.</summary>
    public TrainingCheckpoint Save() => new(
        Training,
        Step,
        [.. Trained().Select(p => SavedTensor.Of(_engine, p.Name, p.Parameter.Value))],
        _optimizer.Save(_engine, _task.Network),
        [.. Curve.Points]);

    /// <summary>Goes on from a checkpoint.</summary>
    /// <param name="checkpoint">Of the same training.</param>
    /// <exception cref="LowRankToolsException">CheckpointDoesNotFit; nothing is changed then.</exception>
    public void Restore(TrainingCheckpoint checkpoint)
    {
        if (checkpoint.Training != Training) throw SavedTensor.Unfit($"It was saved with '{checkpoint.Training}', and this is '{Training}'.");
        if (checkpoint.Step != checkpoint.Curve.Count || checkpoint.Step > _options.Steps || checkpoint.Step < 0) throw SavedTensor.Unfit("Its steps and losses contradict each other.");
        List<NamedParameter> trained = [.. Trained()];
        Dictionary<string, SavedTensor> saved = checkpoint.Parameters.ToDictionary(p => p.Name, StringComparer.Ordinal);
        if (trained.Count != saved.Count) throw SavedTensor.Unfit($"It holds {saved.Count} parameters, and {trained.Count} are trained.");
        foreach (NamedParameter named in trained)
        {
            if (!saved.TryGetValue(named.Name, out SavedTensor? tensor) || !tensor.Shape.SequenceEqual(named.Parameter.Shape))
                throw SavedTensor.Unfit($"It has no ({string.Join(" x ", named.Parameter.Shape)}) '{named.Name}'.");
        }

        _optimizer.Require(_task.Network, checkpoint.Optimizer);
        List<ITensor> values = [.. trained.Select(named => saved[named.Name].ToTensor(_engine))];
        for (int i = 0; i < values.Count; i++) trained[i].Parameter.Value = values[i];
        _optimizer.Restore(_engine, _task.Network, checkpoint.Optimizer);
        (Step, Curve) = (checkpoint.Step, new TrainingCurve(checkpoint.Curve));
    }

    private LossPoint OneStep(int step, CancellationToken ct)
    {
        Module network = _task.Network;
        network.ClearGradients();
        double sum = 0, count = 0;
        try
        {
            for (int i = 0; i < _options.Accumulation; i++)
            {
                ct.ThrowIfCancellationRequested();
                long batch = ((long)(step - 1) * _options.Accumulation) + i;
                using Pass pass = Pass.Training(_engine, _passSeeds.BitsAt((ulong)batch), ct);
                BatchLoss loss = _task.Run(pass, _order.Take(batch * _options.BatchSize, _options.BatchSize));
                (sum, count) = (sum + loss.Sum, count + loss.Count);
            }

            double norm = count > 0 ? Gradients.Norm(_engine, network) / count : 0;
            if (!double.IsFinite(sum) || !double.IsFinite(norm))
                throw new LowRankToolsException("LossNotFinite", $"The loss or its gradient is not finite in step {step}.", "Use a smaller learning rate, a longer warm-up, or a bound of the gradient.");
            ct.ThrowIfCancellationRequested();
            Gradients.Scale(_engine, network, count > 0 ? (_options.ClipNorm is { } bound ? Gradients.ClipFactor(norm, bound) : 1) / count : 0);
            double factor = _options.Schedule.Factor(step, _options.Steps);
            _optimizer.RateFactor = factor;

            // A step that has begun ends, so that parameters and memories never belong to two steps.
            _optimizer.Step(_engine, network, CancellationToken.None);
            if (_options.RankPenalty > 0) LearnedRanks.Shrink(network, _engine, _options.RankPenalty * factor);
            return new LossPoint(step, count > 0 ? sum / count : 0, factor, norm, null);
        }
        catch
        {
            network.ClearGradients();
            throw;
        }
    }

    // Under the first of its names, as in the optimizer's state.
    private IEnumerable<NamedParameter> Trained() => _task.Network.StateDict().DistinctBy(p => p.Parameter).Where(p => p.Parameter.Trainable);
}
