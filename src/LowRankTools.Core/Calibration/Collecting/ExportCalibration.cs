using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Calibration.Collecting;

/// <summary>Makes a calibration file from a model folder and a text: runs the model forward and back on padded batches and collects at every dense layer.</summary>
/// <remarks>A collection that was stopped goes on from its checkpoint and comes to the bytes of one that ran through.</remarks>
/// <param name="options">Inputs, gradients, output.</param>
public sealed class ExportCalibration(ExportCalibrationOptions options)
{
    private const string Suffix = ".calibration.safetensors";

    /// <summary>Where the file of a model would go.</summary>
    public OutputLocation Location(ModelSource source)
    {
        OutputLocation beside = OutputLocation.Resolve(null, source, LowRankTools.Formats.ModelFormat.Safetensors, "");
        string path = options.OutputPath is { } asked ? Path.GetFullPath(asked) : Path.Combine(Path.GetDirectoryName(beside.Folder)!, source.Name + Suffix);
        return new OutputLocation(Path.GetDirectoryName(path)!, path, path, OwnFolder: false);
    }

    /// <summary>Makes the file of one model.</summary>
    /// <param name="source">The model.</param>
    /// <param name="progress">Told about lines, tensors and batches.</param>
    /// <param name="cancellationToken">Stops between and inside runs; nothing is left behind but the checkpoint.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>TextInvalid</c>, <c>OutputExists</c>, <c>OutputNotWritable</c>, <c>PlanModelMismatch</c>, <c>CheckpointDoesNotFit</c>, and those of tokenizers and of opening a model.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public CalibrationResult Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        Stopwatch clock = Stopwatch.StartNew();
        OutputLocation location = Location(source);
        OutputCheck.Free([location.WeightsPath], options.Force || options.WhatIf);
        using RunnableModel model = RunnableModel.Open(source, EngineSelector.SelectForNetworks(options.Engine, options.ThreadCount).CreateForNetworks(options.ThreadCount), progress, cancellationToken);
        GradientSource gradients = options.Plan is not null ? GradientSource.None : CalibrationGradients.SourceOf(options.Gradients, model.Config);
        TokenText text = TokenText.Read(options.Input, source, model.Config, progress, cancellationToken);
        (List<TokenSequence> fitted, List<TokenSequence> judged) = TextSplit.Of(text, options.HeldOut, options.Seed);
        CalibrationResult result = new()
        {
            Path = location.WeightsPath,
            Source = source.Path,
            Name = source.Name,
            Written = false,
            Text = text.Path,
            Lines = TextSplit.Lines(fitted),
            Tokens = fitted.Sum(s => (long)s.Ids.Length),
            HeldOutLines = TextSplit.Lines(judged),
            HeldOutTokens = judged.Sum(s => (long)s.Ids.Length),
            Gradients = gradients.ToString(),
            Sequential = options.Plan is not null,
        };
        if (options.WhatIf)
            return result;
        CalibrationCheckpoint? checkpoint = options.CheckpointPath is { } saved ? new(Path.GetFullPath(saved), options.CheckpointEvery, Inputs(source, model.Engine, gradients, fitted)) : null;
        CollectedCalibration collected = OutputErrors.Writing(location.Folder, () =>
        {
            Directory.CreateDirectory(location.Folder);
            return options.Plan is { } plan
                ? new CollectSequential(source, plan, options).Run(Batches(fitted), Batches(judged), location.WeightsPath, progress, cancellationToken)
                : new CollectCalibration(model) { Gradients = gradients, WeightGradients = options.WeightGradients, Pooling = options.Pooling, Seed = options.Seed, Force = options.Force, Checkpoint = checkpoint }
                    .Run(Batches(fitted), Batches(judged), location.WeightsPath, progress, cancellationToken);
        });
        return result with { Written = true, Layers = collected.Layers, ResumedAt = collected.ResumedAt, WithoutGradients = collected.WithoutGradients, Seconds = clock.Elapsed.TotalSeconds };
    }

    /// <summary>What the sums rest on: the model, the batches in their order, what is collected, and what computes.</summary>
    private string Inputs(ModelSource source, INetworkEngine engine, GradientSource gradients, List<TokenSequence> fitted)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using (Model model = Model.Open(source))
            hash.AppendData(Encoding.UTF8.GetBytes(ModelFingerprint.Compute(model.File)));
        foreach (TokenSequence sequence in fitted)
            hash.AppendData(Encoding.UTF8.GetBytes(string.Join(' ', sequence.Ids) + "\n"));
        return FormattableString.Invariant($"{gradients}{(options.WeightGradients ? " and weights" : "")}, {options.Pooling}, seed={options.Seed}, batch={options.BatchSize}, {engine.GetType().Name} {EngineCatalog.InstructionSet}, {Convert.ToHexString(hash.GetHashAndReset())}");
    }

    private List<TokenBatch> Batches(List<TokenSequence> sequences) => [.. TokenBatches.Sorted(sequences, options.BatchSize).Select(b => b.Batch)];
}
