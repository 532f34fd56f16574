using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using LowRankTools.Formats;
using LowRankTools.Networks;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>
/// Trains a factorized model to do what its original does on a text, and writes it anew; the source stays as it is. A training that was
/// cancelled goes on from its checkpoint and comes to the bits of one that ran through.
/// </summary>
/// <param name="options">Text, steps, goal, output.</param>
/// <param name="reference">The original.</param>
public sealed class OptimizeModel(OptimizeOptions options, ModelSource reference)
{
    private const string Suffix = "-optimized";

    /// <summary>Where the output of a model would go.</summary>
    public OutputLocation Location(ModelSource source) => OutputLocation.Resolve(options.OutputPath, source, ModelFormat.Safetensors, Suffix);

    /// <summary>Trains one model.</summary>
    /// <param name="source">A model with pairs, or any model to train whole.</param>
    /// <param name="progress">Told about tensors, lines and steps.</param>
    /// <param name="cancellationToken">Stops within a step, which is then as if it had not begun; the checkpoint is saved, the output is not.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>TextInvalid</c>, <c>NoFactorsFound</c>, <c>InputInvalid</c>, <c>CheckpointDoesNotFit</c>, <c>LossNotFinite</c>,
    /// and those of tokenizers, of opening models and of writing.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public OptimizeResult Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        Stopwatch clock = Stopwatch.StartNew();
        INetworkEngine engine = EngineSelector.SelectForNetworks(options.Engine, options.ThreadCount).CreateForNetworks(options.ThreadCount);
        using Model file = Model.Open(source);
        using RunnableModel student = RunnableModel.Open(source, engine, progress, cancellationToken), teacher = RunnableModel.Open(reference, engine, progress, cancellationToken);
        Prepare(student, teacher);
        DistillationGoal goal = options.GoalFor(student.Config);
        TokenText text = TokenText.Read(options.Input, reference, student.Config, progress, cancellationToken);
        (List<TokenSequence> fitted, List<TokenSequence> judged) = TextSplit.Of(text, options.HeldOut, options.Seed);
        TrainedModel trained = new(student, reference);
        List<OutputItem> items = trained.Items(file);
        OutputLocation location = Location(source);
        CompanionFiles.Check(location, source);
        Dictionary<string, string> Metadata(FactorizationRecord? record) => OutputItems.Metadata(file.File, ModelFormat.Safetensors, items, record?.ToMetadata(), file.Decompositions);
        string how = FormattableString.Invariant($"{goal} {options.Steps} steps");
        OutputRequest request = new(location, ModelFormat.Safetensors, [.. items.SelectMany(i => i.Written)], Metadata(file.Record is { } r ? LongestRecord(r, how) : null))
        {
            Source = SourceFiles.Of(file.File.Files), Disk = options.Disk, Force = options.Force, HasRecord = file.Record is not null,
        };
        OptimizeResult result = Planned(source, student, location, goal, text, fitted, judged);
        if (options.WhatIf)
            return result with { Displaced = request.Displaced().ToArray() };
        request.Targets();
        result = Train(result, student, teacher, goal, fitted, judged, progress, cancellationToken);
        FactorizationRecord? record = file.Record is null ? null : trained.Record(file.Record, how, options.ThreadCount, cancellationToken);
        using ModelOutput output = ModelOutput.Create(request);
        trained.Write(file, items, output, cancellationToken);
        string entry = output.Complete(Metadata(record), record?.ToFile(), Path.GetDirectoryName(source.Path));
        return result with { Path = entry, Written = true, Displaced = output.Displaced.ToArray(), Note = output.Note, Seconds = clock.Elapsed.TotalSeconds };
    }

    private OptimizeResult Train(OptimizeResult result, RunnableModel student, RunnableModel teacher, DistillationGoal goal, List<TokenSequence> fitted, List<TokenSequence> judged,
        IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        Pooling pooling = QualityOptions.PoolingOf(options.Pooling, student.Config);
        DistillationTask task = new(student, teacher, fitted, goal, pooling, options.Temperature);
        DistillationTask? judge = judged.Count > 0 ? new(student, teacher, judged, goal, pooling, options.Temperature) : null;
        double? before = judge?.Loss(options.BatchSize, cancellationToken);
        using Adam adam = new(new AdamSettings(options.LearningRate));
        Trainer trainer = new(student.Engine, task, adam, options.Training);
        string inputs = Inputs(result, fitted, pooling);
        if (options.CheckpointPath is { } path && File.Exists(path))
            trainer.Restore(TrainingFile.Read(path, inputs, cancellationToken));
        int resumed = trainer.Step;
        StepProgress? steps = progress is null ? null : new(progress, result.Name);
        try
        {
            while (trainer.Step < options.Steps)
            {
                trainer.Run(options.CheckpointPath is null ? null : (trainer.Step / options.CheckpointEvery + 1) * options.CheckpointEvery, steps, cancellationToken);
                Save(trainer, inputs);
            }
        }
        catch (OperationCanceledException)
        {
            Save(trainer, inputs);
            throw;
        }
        return result with { ResumedAt = resumed, LossBefore = before, LossAfter = judge?.Loss(options.BatchSize, cancellationToken), Curve = trainer.Curve.Points.ToArray() };
    }

    private void Save(Trainer trainer, string inputs)
    {
        if (options.CheckpointPath is { } path)
            TrainingFile.Write(path, trainer.Save(), inputs);
    }

    /// <summary>What a training rests on beside its own options: models, texts in their order, goal.</summary>
    private string Inputs(OptimizeResult result, List<TokenSequence> fitted, Pooling pooling)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string path in (string[])[result.Source, reference.Path])
        {
            using Model model = Model.Open(new ModelSource(path, result.Name));
            hash.AppendData(Encoding.UTF8.GetBytes(ModelFingerprint.Compute(model.File)));
        }
        foreach (TokenSequence sequence in fitted)
            hash.AppendData(Encoding.UTF8.GetBytes(string.Join(' ', sequence.Ids) + "\n"));
        return FormattableString.Invariant($"{result.Goal}, {pooling}, temperature={options.Temperature:R}, all={options.TrainAll}, {Convert.ToHexString(hash.GetHashAndReset())}");
    }

    private void Prepare(RunnableModel student, RunnableModel teacher)
    {
        if (student.Config.ModelType != teacher.Config.ModelType || student.Config.TokenCount != teacher.Config.TokenCount)
            throw new LowRankToolsException(CoreErrors.InputInvalid, $"{student.Source.Path}: the model does not read the tokens of its original {reference.Path}.", "Name the model that it was made from with -ReferencePath.");
        if (!options.TrainAll && !student.IsFactorized)
            throw new LowRankToolsException(CoreErrors.NoFactorsFound, $"{student.Source.Path}: the model holds no low-rank pairs to train.", "Factorize it first, or train all of it.");
        foreach (Parameter parameter in teacher.Network.Parameters())
            parameter.Trainable = false;
        string[] pairs = [.. student.PairLayers.Select(name => name + ".")];
        HashSet<Parameter> chosen = [.. student.Network.StateDict().Where(p => options.TrainAll || Array.Exists(pairs, pair => p.Name.StartsWith(pair, StringComparison.Ordinal))).Select(p => p.Parameter)];
        foreach (Parameter parameter in student.Network.Parameters())
            parameter.Trainable = chosen.Contains(parameter);
    }

    // The header is sized before the errors are known: no number is longer than this one.
    private static FactorizationRecord LongestRecord(FactorizationRecord record, string how) => record with
    {
        Layers = [.. record.Layers.Select(l => l with { Method = $"{l.Method}, {how}", RelativeError = -1.2345678901234567e-300 })],
    };

    private OptimizeResult Planned(ModelSource source, RunnableModel student, OutputLocation location, DistillationGoal goal, TokenText text, List<TokenSequence> fitted, List<TokenSequence> judged) => new()
    {
        Path = location.WeightsPath,
        Source = source.Path,
        Reference = reference.Path,
        Name = source.Name,
        Written = false,
        Goal = goal.ToString(),
        Text = text.Path,
        Lines = TextSplit.Lines(fitted),
        HeldOutLines = TextSplit.Lines(judged),
        Parameters = student.Parameters,
        TrainedParameters = student.Network.CountParameters(trainableOnly: true),
        Steps = options.Steps,
    };

    private sealed class StepProgress(IProgress<OperationProgress> progress, string name) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) =>
            progress.Report(new OperationProgress("Training", FormattableString.Invariant($"{name}, loss {value.Point.Loss:G4}"), value.Point.Step, value.Steps));
    }
}
