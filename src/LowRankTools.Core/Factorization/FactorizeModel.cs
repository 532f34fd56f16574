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
    /// <summary>Stand in for errors until they are known: as long as a number gets.</summary>
    private static readonly Measured s_longest = new(LongestNumber, 0, "", 0, LongestNumber, LongestNumber);

    private const double LongestNumber = -1.2345678901234567E-300;

    private const string Suffix = "-lowrank";

    private const string PairsInGguf = "llama.cpp runs no low-rank pairs: this GGUF is read by LowRankTools alone. Merge-LowRankFactor makes a dense GGUF of it that llama.cpp loads, as large as the model was.";

    /// <summary>Where the output of a model would go.</summary>
    public OutputLocation Location(ModelSource source) =>
        OutputLocation.Resolve(options.OutputPath, source, FormatOf(source), Suffix);

    private ModelFormat FormatOf(ModelSource source) => OutputTypes.Choose(options.Format, options.OutputPath, source);

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
        if (!options.WhatIf && Engine.IsEmbedded)
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
    }

    private static LowRankToolsException NothingToDo(RankPlan plan) => new(CoreErrors.NothingToFactorize,
        $"{plan.Path}: no layer would become a pair by the rule {plan.Rule}{(plan.Layers.Any(l => l.Reason == KeepReason.BreakEven) ? ": pairs of these ranks would be no smaller" : "")}, and a copy is not written.",
        "Choose smaller ranks or other layers; -WhatIf gives the reason for each layer.");

    private void Write(Model model, List<OutputItem> items, ModelOutput output, LayerCalibrations? calibrations,
        Dictionary<string, Measured> measured, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        TensorCopier copier = new(model.File, output);
        using LayerPipeline<OutputItem.Pair, LayerFactors> layers = new([.. items.OfType<OutputItem.Pair>()], p => p.Layer.Tensor.ElementCount * sizeof(float), f => f.Bytes,
            (pair, threads, token) => Factorize(model, pair, calibrations, threads, token), LayersAtATime, cancellationToken);
        long done = 0, total = model.Layers.Sum(l => l.Shape.Bytes);
        if (output.Writer is OnnxModelWriter graph)
            output.Writing(() => graph.CopyUnchanged(cancellationToken));
        foreach (OutputItem item in items)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Factorizing", item.Names.First(), done, total));
            switch (item)
            {
                case OutputItem.Pair pair:
                    layers.Next(factors => measured[pair.Plan.Name] = WritePair(pair, factors, output, model.Source.Path, cancellationToken));
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

    // Another engine has threads of its own, or a device, and Gram matrices are larger than the weights: one layer at a time.
    private bool OneAtATime => !Engine.IsEmbedded || options.Calibration is not null;

    private int LayersAtATime => OneAtATime ? 1 : options.Svd.ThreadCount > 0 ? options.Svd.ThreadCount : EngineCatalog.Embedded.ThreadCount;

    private SelectedEngine Engine => EngineSelector.Select(options.Engine);

    private LayerFactors Factorize(Model model, OutputItem.Pair pair, LayerCalibrations? calibrations, int threads, CancellationToken cancellationToken)
    {
        ModelLayer layer = pair.Layer;
        using Matrix<float> weight = WeightMatrix.Read(model.File, layer.Tensor, cancellationToken);
        // A linear map is factorized as (out, in), however it is stored; an embedding as (entries, features).
        bool embedding = layer.Shape.Kind == LayerKind.Embedding;
        MatrixView<float> view = !embedding && layer.Shape.Orientation == WeightOrientation.InOut ? weight.Transposed : weight.View;
        SvdOptions svd = options.Svd with { ThreadCount = OneAtATime ? options.Svd.ThreadCount : threads };
        ITensorEngine engine = Engine.Create(svd.ThreadCount, svd.Seed);
        using LayerCalibration? calibration = calibrations?.Find(layer.Shape, engine, cancellationToken);
        int rank = pair.Plan.Rank!.Value;
        return WeightMatrix.Named(model, layer, () => calibration is null
            ? LayerFactors.Compute(engine, view, rank, options.Split, pair.First.DType, svd, cancellationToken)
            : CalibratedFactors.Compute(engine, view, embedding, calibration, options.Calibration!, rank, options.Split, pair.First.DType, svd, cancellationToken));
    }

    private static Measured WritePair(OutputItem.Pair pair, LayerFactors factors, ModelOutput output, string source, CancellationToken cancellationToken)
    {
        bool embedding = pair.Layer.Shape.Kind == LayerKind.Embedding;
        bool graph = output.Writer is OnnxModelWriter;
        MatrixRows.Write(output, pair.First, embedding ? factors.Left.View : graph ? factors.Right.Transposed : factors.Right.View, source, cancellationToken);
        MatrixRows.Write(output, pair.Second, (embedding, graph) switch
        {
            (true, true) => factors.Right.View,
            (true, false) => factors.Right.Transposed,
            (false, true) => factors.Left.Transposed,
            _ => factors.Left.View,
        }, source, cancellationToken);
        return new Measured(factors.RelativeError, factors.SquaredNorm, factors.Algorithm, factors.Seconds, factors.CalibratedError, factors.HeldOutError);
    }

    private FactorizationRecord RecordOf(Model model, RankPlan plan, LayerCalibrations? calibrations, Func<string, Measured> measured)
    {
        Dictionary<string, ModelLayer> layers = model.Layers.ToDictionary(l => l.Shape.Name, StringComparer.Ordinal);
        BiasFinder biases = new(model.Layers);
        return new FactorizationRecord
        {
            Source = model.Source.Name,
            SourceFingerprint = plan.Fingerprint!,
            Rule = plan.Rule,
            Split = options.Split,
            Seed = options.Svd.Seed,
            ComputedBy = Engine.Info.InstructionSet.Length > 0 ? $"{Engine}, {Engine.Info.InstructionSet}" : Engine.ToString(),
            Calibration = calibrations?.Record,
            Layers = [.. plan.Layers.Where(l => l.Rank is not null).Select(l => new FactorizedLayerRecord
            {
                Name = l.Name,
                Kind = l.Kind,
                Method = calibrations?.Has(l) == true ? "CalibratedSvd" : "TruncatedSvd",
                Rank = l.Rank!.Value,
                Shape = l.Shape,
                Orientation = layers[l.Name].Shape.Orientation,
                DType = layers[l.Name].Shape.DType,
                Bias = FormatOf(model.Source) == ModelFormat.Onnx ? null : biases.Of(layers[l.Name].Shape),
                RelativeError = measured(l.TiedTo ?? l.Name).Error,
                CalibratedError = calibrations?.Has(l) == true ? measured(l.TiedTo ?? l.Name).Calibrated : null,
                HeldOutError = calibrations?.Has(l) == true ? measured(l.TiedTo ?? l.Name).HeldOut : null,
                TiedTo = l.TiedTo,
            })],
        };
    }

    private FactorizationResult Planned(Model model, RankPlan plan, List<OutputItem> items, OutputLocation location)
    {
        List<LayerShape> own = [.. model.Layers.Select(l => l.Shape).Where(s => s.TiedTo is null)];
        List<TensorSpec> written = [.. items.SelectMany(i => i.Written)];
        return new FactorizationResult
        {
            Path = location.WeightsPath,
            Source = model.Source.Path,
            Name = model.Source.Name,
            Rule = plan.Rule,
            Engine = Engine.ToString(),
            Written = false,
            ParametersBefore = own.Sum(s => s.Parameters),
            Parameters = written.Sum(t => TensorShape.ElementCount(t.Shape, t.Name)),
            BytesBefore = own.Sum(s => s.Bytes),
            Bytes = written.Sum(t => t.ByteLength),
            FactorizedLayers = plan.Layers.Count(l => l.Rank is not null),
            KeptLayers = plan.Layers.Count(l => l.Rank is null),
            // An array: PowerShell cannot index into the lists that collection expressions make.
            Layers = plan.Layers.Select(LayerFactorization.From).ToArray(),
        };
    }

    private static FactorizationResult Finished(FactorizationResult planned, string entry, Dictionary<string, Measured> measured)
    {
        double norm = measured.Values.Sum(m => m.SquaredNorm);
        double difference = measured.Values.Sum(m => m.Error * m.Error * m.SquaredNorm);
        return planned with
        {
            Path = entry,
            Written = true,
            RelativeError = measured.Count == 0 ? null : norm == 0 ? 0 : Math.Sqrt(difference / norm),
            Layers = planned.Layers.Select(l => measured.TryGetValue(l.Name, out Measured m)
                ? l with { RelativeError = m.Error, CalibratedError = m.Calibrated, HeldOutError = m.HeldOut, Method = m.Algorithm, Seconds = m.Seconds }
                : l).ToArray(),
        };
    }

    private readonly record struct Measured(double Error, double SquaredNorm, string Algorithm, double Seconds, double? Calibrated, double? HeldOut);
}
