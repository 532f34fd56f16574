using System.Security.Cryptography;
using System.Text;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Models;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Core.Training;

/// <summary>One training of a network's trainable parameters on a text, saved as it goes: what every operation that trains has in common.</summary>
/// <param name="settings">Steps, rate, checkpoint.</param>
/// <param name="student">What learns.</param>
/// <param name="teacher">The original; null where the goal asks none.</param>
/// <param name="text">What it learns on.</param>
/// <param name="goal">What is compared; not Auto.</param>
internal sealed class TextTraining(TrainingSettings settings, RunnableModel student, RunnableModel? teacher, TrainingText text, DistillationGoal goal)
{
    private readonly Pooling _pooling = QualityOptions.PoolingOf(settings.Pooling, student.Config);

    /// <summary>Trains, or goes on with what the checkpoint has.</summary>
    /// <typeparam name="T">What is told of it.</typeparam>
    /// <param name="planned">The result without what training brings.</param>
    /// <param name="models">What the training rests on beside text and settings.</param>
    /// <param name="what">Which parameters are trained, in a few words: part of what a checkpoint must agree with.</param>
    /// <param name="progress">Told about every step.</param>
    /// <param name="cancellationToken">Stops within a step, which is then as if it had not begun; the checkpoint is saved.</param>
    /// <exception cref="LowRankToolsException"><c>CheckpointDoesNotFit</c>, <c>LossNotFinite</c>, and those of writing.</exception>
    public T Run<T>(T planned, IEnumerable<string> models, string what, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
        where T : TrainingResult
    {
        TrainingResult result = planned;
        DistillationTask task = Task(text.Fitted);
        DistillationTask? judge = text.Judged.Count > 0 ? Task(text.Judged) : null;
        double? before = judge?.Loss(settings.BatchSize, cancellationToken);
        using Adam adam = new(new AdamSettings(settings.LearningRate));
        Trainer trainer = new(student.Engine, task, adam, settings.Training);
        string inputs = Inputs(models, what);
        if (settings.CheckpointPath is { } path && File.Exists(path))
            trainer.Restore(TrainingFile.Read(path, inputs, cancellationToken));
        int resumed = trainer.Step;
        StepProgress? steps = progress is null ? null : new(progress, result.Name);
        try
        {
            while (trainer.Step < settings.Steps)
            {
                trainer.Run(settings.CheckpointPath is null ? null : (trainer.Step / settings.CheckpointEvery + 1) * settings.CheckpointEvery, steps, cancellationToken);
                Save(trainer, inputs);
            }
        }
        catch (OperationCanceledException)
        {
            Save(trainer, inputs);
            throw;
        }
        return (T)(result with { ResumedAt = resumed, LossBefore = before, LossAfter = judge?.Loss(settings.BatchSize, cancellationToken), Curve = trainer.Curve.Points.ToArray() });
    }

    private DistillationTask Task(IReadOnlyList<TokenSequence> sequences) => new(student, teacher, sequences, goal, _pooling, settings.Temperature) { Classes = text.Classes };

    private void Save(Trainer trainer, string inputs)
    {
        if (settings.CheckpointPath is { } path)
            TrainingFile.Write(path, trainer.Save(), inputs);
    }

    /// <summary>What a training rests on beside its own options: models, texts in their order, classes, goal.</summary>
    private string Inputs(IEnumerable<string> models, string what)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string path in models)
        {
            using Model model = Model.Open(new ModelSource(path, path));
            hash.AppendData(Encoding.UTF8.GetBytes(ModelFingerprint.Compute(model.File)));
        }
        foreach (TokenSequence sequence in text.Fitted)
            hash.AppendData(Encoding.UTF8.GetBytes(string.Join(' ', sequence.Ids) + (text.Classes is null ? "\n" : $" = {text.Classes[sequence.Line]}\n")));
        return FormattableString.Invariant($"{goal}, {_pooling}, temperature={settings.Temperature:R}, {what}, {Convert.ToHexString(hash.GetHashAndReset())}");
    }

    private sealed class StepProgress(IProgress<OperationProgress> progress, string name) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) =>
            progress.Report(new OperationProgress("Training", FormattableString.Invariant($"{name}, loss {value.Point.Loss:G4}"), value.Point.Step, value.Steps));
    }
}
