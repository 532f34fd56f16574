using System.Diagnostics;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Records;
using LowRankTools.Core.Tokens;
using LowRankTools.Formats;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Training;

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
        TrainingText text = TrainingText.Read(options, reference, student.Config, progress, cancellationToken);
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
        OptimizeResult result = Planned(source, student, location, goal, text);
        if (options.WhatIf)
            return result with { Displaced = request.Displaced().ToArray() };
        request.Targets();
        using (PivotedTraining pairs = new(student.Network, engine, options.ThreadCount, cancellationToken))
        {
            string what = $"all={options.TrainAll}{(pairs.Any ? ", pivoted pairs as pairs" : "")}";
            result = new TextTraining(options, student, teacher, text, goal).Run(result, [result.Source, reference.Path], what, progress, cancellationToken);
            pairs.Pivot(cancellationToken);
        }
        FactorizationRecord? record = file.Record is null ? null : trained.Record(file.Record, how, options.ThreadCount, cancellationToken);
        using ModelOutput output = ModelOutput.Create(request);
        trained.Write(file, items, output, cancellationToken);
        string entry = output.Complete(Metadata(record), record?.ToFile(), Path.GetDirectoryName(source.Path));
        return result with { Path = entry, Written = true, Displaced = output.Displaced.ToArray(), Note = output.Note, Seconds = clock.Elapsed.TotalSeconds };
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

    private OptimizeResult Planned(ModelSource source, RunnableModel student, OutputLocation location, DistillationGoal goal, TrainingText text) => new()
    {
        Path = location.WeightsPath,
        Source = source.Path,
        Reference = reference.Path,
        Name = source.Name,
        Written = false,
        Goal = goal.ToString(),
        Text = text.Text.Path,
        Lines = TextSplit.Lines(text.Fitted),
        HeldOutLines = TextSplit.Lines(text.Judged),
        Parameters = student.Parameters,
        TrainedParameters = student.Network.CountParameters(trainableOnly: true),
        Steps = options.Steps,
    };
}
