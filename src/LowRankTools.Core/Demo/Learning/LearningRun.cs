using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Surgery;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Core.Demo.Learning;

/// <summary>One task of a <see cref="LearningStudy"/>, and the changed one for LoRA.</summary>
internal sealed class LearningRun(LearningStudy study, INetworkEngine engine, SequenceData data, SequenceData changed, IProgress<OperationProgress>? progress, CancellationToken ct)
{
    private const int Examples = 100_000;
    private const double Rate = 3e-3, TuningRate = 1e-3, LoraRate = 1e-2;

    /// <summary>Above what the penalty takes in a step, so that Adam can hold what the loss needs.</summary>
    private const double MaskRate = 2e-2;

    private readonly List<LearningRow> _rows = [];

    public IReadOnlyList<LearningRow> Rows()
    {
        using Gpt2 dense = New();
        Train("dense, from scratch", dense, data, study.Steps, Rate);
        using (Gpt2 pairs = New())
        {
            pairs.FactorizeLinear(engine, study.Rank, new FactorizeLinearOptions { Initialization = PairInitialization.Random, Seed = study.Seed }, ct);
            Train("pairs, from scratch", pairs, data, study.Steps, Rate);
        }

        using (Gpt2 factorized = Copy(dense))
        {
            factorized.FactorizeLinear(engine, study.Rank, ct: ct);
            Judge("factorized", factorized, data, null);
            using Gpt2 tuned = Copy(dense), distilled = Copy(dense);
            tuned.FactorizeLinear(engine, study.Rank, ct: ct);
            distilled.FactorizeLinear(engine, study.Rank, ct: ct);
            Train("factorized, fine-tuned", tuned, data, study.TuningSteps, TuningRate);
            Train("factorized, distilled", distilled, data, study.TuningSteps, TuningRate, teacher: dense);
        }

        LearnRanks(dense);
        Judge("dense, as it was", dense, changed, null);
        using (Gpt2 tuned = Copy(dense)) Train("dense, fine-tuned", tuned, changed, study.TuningSteps, TuningRate);
        Adapt("LoRA", LoraStart.Zero, dense);
        Adapt("LoRA, PiSSA start", LoraStart.Pissa, dense);
        return _rows;
    }

    /// <summary>Factors of all singular directions under a penalty, exact truncation, then tuning like the others.</summary>
    private void LearnRanks(Gpt2 dense)
    {
        using Gpt2 network = Copy(dense);
        network.LearnRanks(engine, ct: ct);

        // The factors, biases and norms; directions stay.
        foreach (Parameter parameter in network.Parameters()) parameter.Trainable = parameter.Shape.Count == 1;
        Train("learned ranks", network, data, study.TuningSteps, MaskRate, penalty: study.RankPenalty, silent: true);
        network.TruncateRanks(engine, ct);
        foreach (Parameter parameter in network.Parameters()) parameter.Trainable = true;
        Judge("learned ranks, truncated", network, data, null);
        Train("learned ranks, fine-tuned", network, data, study.TuningSteps, TuningRate);
    }

    private void Adapt(string method, LoraStart start, Gpt2 dense)
    {
        using Gpt2 adapted = Copy(dense);
        adapted.AddLora(engine, new LoraOptions(study.LoraRank) { Alpha = 2 * study.LoraRank, Start = start, Seed = study.Seed }, null, ct);
        adapted.MarkOnlyLoraTrainable();
        Train(method, adapted, changed, study.TuningSteps, LoraRate);
    }

    private void Train(string method, Gpt2 network, SequenceData sequences, int steps, double rate, Gpt2? teacher = null, double penalty = 0, bool silent = false)
    {
        using var adam = new Adam(new AdamSettings(rate, Decay: 0.01), decayMatricesOnly: true);
        var options = new TrainingOptions(steps, study.BatchSize) { Schedule = new LearningRateSchedule(steps / 20, Cosine: true, Floor: 0.02), Seed = study.Seed, RankPenalty = penalty };
        var trainer = new Trainer(engine, new SequenceTask(network, sequences, Examples, teacher), adam, options);
        TrainingCurve curve = trainer.Run(progress: new Steps($"{sequences.Name}: {method}", progress), ct: ct);
        if (!silent) Judge(method, network, sequences, curve);
    }

    private void Judge(string method, Gpt2 network, SequenceData sequences, TrainingCurve? curve)
    {
        (double loss, double accuracy) = new SequenceTask(network, sequences, Examples).Judge(engine, ct);
        ParameterShare share = network.ShareOfTrainable();
        _rows.Add(new LearningRow(sequences.Name, method, share.Total, curve is null ? 0 : share.Share, curve?.Points.Count ?? 0, loss, accuracy, curve));
    }

    private Gpt2 New() => new(new ParameterFactory(engine, study.Seed), new Gpt2Config
    {
        Vocabulary = data.Tokens, Width = study.Width, Depth = 2, Heads = 4, Hidden = 4 * study.Width, Positions = data.Length,
    });

    private Gpt2 Copy(Gpt2 network)
    {
        Gpt2 copy = New();
        foreach ((NamedParameter to, NamedParameter from) in copy.StateDict().Zip(network.StateDict()))
            to.Parameter.Value = engine.Copy(from.Parameter.Value, from.Parameter.Value.ElementType);
        return copy;
    }

    private sealed class Steps(string name, IProgress<OperationProgress>? progress) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => progress?.Report(new OperationProgress("Training", name, value.Point.Step, value.Steps));
    }
}
