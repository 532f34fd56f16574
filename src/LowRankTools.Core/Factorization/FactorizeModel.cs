using System.Diagnostics;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>
/// Replaces weight matrices of a model by pairs of their leading singular vectors and writes the smaller model.
/// Streams: at any time one layer is in memory. The best rank-r approximation of W in the Frobenius norm is its
/// truncated singular value decomposition (Eckart and Young, 1936).
/// </summary>
public sealed class FactorizeModel(FactorizeOptions options)
{
    private const string Suffix = "-lowrank";

    private const string PairsInGguf = "llama.cpp runs no low-rank pairs: this GGUF is read by LowRankTools alone. Merge-LowRankFactor makes a dense GGUF of it that llama.cpp loads, as large as the model was.";

    /// <summary>Where the output of a model would go.</summary>
    public OutputLocation Location(ModelSource source) =>
        OutputLocation.Resolve(options.OutputPath, source, FormatOf(source), Suffix);

    private ModelFormat FormatOf(ModelSource source) => OutputTypes.Choose(options.Format, options.OutputPath, source);
    /// <summary>Format that a model would be written in.</summary>
    internal ModelFormat FormatOf(ModelSource source) => options.Format
        ?? (options.OutputPath is { } path ? OutputLocation.FormatOf(path) : null)
        ?? (source.Path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) ? ModelFormat.Onnx : ModelFormat.Safetensors);

    /// <summary>Factorizes one model, or only plans it (<see cref="FactorizeOptions.WhatIf"/>).</summary>
    /// <param name="source">The model.</param>
    /// <param name="progress">Told about every tensor, in bytes.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException">See <see cref="CoreErrors"/> and <see cref="FormatErrors"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public FactorizationResult Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        Stopwatch clock = Stopwatch.StartNew();
        if (!options.WhatIf && EngineSelector.Select(options.Engine).IsEmbedded)
            AheadOfUse.Begin();
        using Model model = Model.Open(source);
        ModelFormat format = FormatOf(source);
        OutputCheck.Graph(model, format, options);
        StoredAs stored = options.Stored with { Format = format };
        SourceFiles read = SourceFiles.Of([.. model.File.Files, .. options.Calibration is { } fitted ? [fitted.Path] : Array.Empty<string>()]);
        OutputLocation location = Location(source);
        CompanionFiles.Check(location, source);
        if (!options.WhatIf)
            OutputTargets.Check(location, read, options.Force);
        using LayerCalibrations? calibrations = options.Calibration is { } use ? LayerCalibrations.Open(use) : null;
        RankPlan plan = options.Plan is { } given
            ? new ReplayPlan(given, options.AnyModel).On(model, stored, cancellationToken)
            : new MakePlan(options.PlanOptions!).Run(model, stored, progress, cancellationToken);
        calibrations?.Check(model, plan);
        List<OutputItem> items = new FactorizedItems(model, plan, options, format).Build();
        FactorizationResult result = Planned(model, plan, items, location) with { Uncalibrated = calibrations?.Missing(plan).ToArray() ?? [], Note = format == ModelFormat.Gguf ? PairsInGguf : "" };
        FactorizationRecord Record(Func<string, Measured> of) => RecordOf(model, plan, calibrations, of);
        Dictionary<string, string> Metadata(FactorizationRecord record) => OutputItems.Metadata(model.File, format, items, record.ToMetadata(), model.Decompositions);
        OutputRequest request = new(location, format, [.. items.SelectMany(i => i.Written)], Metadata(Record(_ => s_longest)))
        {
            MaxShardBytes = options.MaxShardBytes, HasRecord = true, Source = read, Disk = options.Disk,
            Force = options.Force, Graph = format == ModelFormat.Onnx ? GraphEdit.Of(model, items) : null, Gguf = GgufContents.Of(model, format),
        };
        if (options.WhatIf)
            return result with { Displaced = request.Displaced().ToArray() };
        if (result.FactorizedLayers == 0)
            throw NothingToDo(plan);
        Dictionary<string, Measured> measured = new(StringComparer.Ordinal);
        using ModelOutput output = ModelOutput.Create(request);
        Write(model, items, output, calibrations, measured, progress, cancellationToken);
        FactorizationRecord record = Record(name => measured[name]);
        string entry = output.Complete(Metadata(record), record.ToFile(), Path.GetDirectoryName(model.Source.Path));
        return Finished(result, entry, measured) with { Seconds = clock.Elapsed.TotalSeconds, Displaced = output.Displaced.ToArray(), Note = string.Join(' ', new[] { result.Note, output.Note }.Where(n => n.Length > 0)) };
        using FactorizationJob job = FactorizationJob.Prepare(options, source, Location(source), FormatOf(source), [], progress, cancellationToken);
        return Run(job, clock, () => new ComputedPairs(job, [.. job.Items.OfType<OutputItem.Pair>()], cancellationToken), job.ComputedBy, progress, cancellationToken);
    }

    /// <summary>Writes what was prepared, its pairs wherever they come from, or says what would be written.</summary>
    internal static FactorizationResult Run(FactorizationJob job, Stopwatch clock, Func<IPairSource> open, string computedBy, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        FactorizationResult result = FactorizationResults.Planned(job);
        OutputRequest request = job.Request();
        if (job.Options.WhatIf)
            return result with { Displaced = request.Displaced().ToArray() };
        if (result.FactorizedLayers == 0)
            throw FactorizationResults.NothingToDo(job.Plan);
        Dictionary<string, MeasuredPair> measured = new(StringComparer.Ordinal);
        using ModelOutput output = ModelOutput.Create(request);
        using (IPairSource pairs = open())
            Write(job, pairs, output, measured, progress, cancellationToken);
        FactorizationRecord record = job.Record(name => measured[name], computedBy);
        string entry = output.Complete(job.Metadata(record), record.ToFile(), Path.GetDirectoryName(job.Model.Source.Path));
        return FactorizationResults.Finished(result, entry, measured) with { Seconds = clock.Elapsed.TotalSeconds, Displaced = output.Displaced.ToArray(), Note = output.Note };
    }

    private static void Write(FactorizationJob job, IPairSource pairs, ModelOutput output,
        Dictionary<string, MeasuredPair> measured, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        TensorCopier copier = new(job.Model.File, output);
        long done = 0, total = job.Model.Layers.Sum(l => l.Shape.Bytes);
        if (output.Writer is OnnxModelWriter graph)
            output.Writing(() => graph.CopyUnchanged(cancellationToken));
        foreach (OutputItem item in job.Items)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Factorizing", item.Names.First(), done, total));
            switch (item)
            {
                case OutputItem.Pair pair:
                    measured[pair.Plan.Name] = pairs.Write(pair, output, cancellationToken);
                    done += pair.Plan.BytesBefore;
                    break;
                case OutputItem.Copy when output.Writer is OnnxModelWriter:
                    break;
                default:
                    copier.Write(item, cancellationToken);
                    done += item is OutputItem.Copy copy ? copy.Tensor.ByteLength : 0;
                    break;
            }
        }
    }
}
