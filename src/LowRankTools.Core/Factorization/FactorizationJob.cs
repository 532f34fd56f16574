using LowRankTools.Core.Calibration;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Factorization;

/// <summary>One factorization before anything is computed: the model opened, the plan made, every name and shape of the output known.</summary>
internal sealed class FactorizationJob : IDisposable
{
    private FactorizationJob(FactorizeOptions options, Model model, OutputLocation location) => (Options, Model, Location) = (options, model, location);

    public FactorizeOptions Options { get; }

    public Model Model { get; }

    /// <summary>Where the output goes.</summary>
    public OutputLocation Location { get; }

    /// <summary>Format that the model is written in.</summary>
    public required ModelFormat Format { get; init; }

    /// <summary>Everything that is read.</summary>
    public required SourceFiles Read { get; init; }

    /// <summary>Inputs that the truncation is fitted to; null without.</summary>
    public LayerCalibrations? Calibrations { get; private set; }

    /// <summary>The plan as it applies to the model.</summary>
    public RankPlan Plan { get; private set; } = null!;

    /// <summary>Steps of writing, in the order of the file.</summary>
    public List<OutputItem> Items { get; private set; } = null!;

    /// <summary>What computes each layer.</summary>
    public LayerEngines Engines { get; private set; } = null!;

    /// <summary>Engine, device and instruction set, for the record.</summary>
    public string ComputedBy => Engines.ComputedBy;

    /// <summary>Prepares a factorization.</summary>
    /// <param name="options">Have been validated.</param>
    /// <param name="source">The model.</param>
    /// <param name="location">Where the output goes; refused before planning where it may not.</param>
    /// <param name="format">Format that the model is written in.</param>
    /// <param name="alsoRead">Full paths of further files that are read.</param>
    /// <param name="progress">Told about spectra, where the rule needs them.</param>
    /// <param name="cancellationToken">Stops planning.</param>
    /// <exception cref="LowRankToolsException">See <see cref="CoreErrors"/> and <see cref="FormatErrors"/>.</exception>
    public static FactorizationJob Prepare(FactorizeOptions options, ModelSource source, OutputLocation location, ModelFormat format, IEnumerable<string> alsoRead,
        IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        Model model = Model.Open(source);
        try
        {
            GraphOutputCheck.Graph(model, format, options);
            string[] calibration = options.Calibration is { } fitted ? [fitted.Path] : [];
            FactorizationJob job = new(options, model, location) { Format = format, Read = SourceFiles.Of([.. model.File.Files, .. calibration, .. alsoRead]) };
            CompanionFiles.Check(location, source);
            if (!options.WhatIf)
                OutputTargets.Check(location, job.Read, options.Force);
            job.MakePlan(progress, cancellationToken);
            return job;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The output, with free text at its greatest length.</summary>
    public OutputRequest Request() => new(Location, Format, [.. Items.SelectMany(i => i.Written)], Metadata(Record(_ => MeasuredPair.Longest, ComputedBy)))
    {
        MaxShardBytes = Options.MaxShardBytes, HasRecord = true, Source = Read, Disk = Options.Disk,
        Force = Options.Force, Graph = FactorizedGraph.Of(Model, Format, Items), Gguf = GgufContents.Of(Model, Format),
    };

    /// <summary>Free text of the weights.</summary>
    public Dictionary<string, string> Metadata(FactorizationRecord record) => OutputItems.Metadata(Model.File, Format, Items, record.ToMetadata(), Model.Decompositions);

    /// <summary>What the model will say of itself.</summary>
    /// <param name="measured">What was measured of a layer, by its name.</param>
    /// <param name="computedBy">What computed.</param>
    public FactorizationRecord Record(Func<string, MeasuredPair> measured, string computedBy)
    {
        Dictionary<string, ModelLayer> layers = Model.Layers.ToDictionary(l => l.Shape.Name, StringComparer.Ordinal);
        BiasFinder biases = new(Model.Layers);
        return new FactorizationRecord
        {
            Version = Plan.Layers.Any(l => l.Made is not null) ? FactorizationRecord.WithChains : 1,
            Source = Model.Source.Name,
            SourceFingerprint = Plan.Fingerprint!,
            Rule = Plan.Rule,
            Split = Options.Split,
            Seed = Options.Svd.Seed,
            ComputedBy = computedBy,
            Calibration = Calibrations?.Record,
            Layers = [.. Plan.Layers.Where(l => l.Rank is not null).Select(l => new FactorizedLayerRecord
            {
                Name = l.Name,
                Kind = l.Kind,
                Method = l.Made is not null ? l.Method! : Calibrations?.Has(l) == true ? "CalibratedSvd" : "TruncatedSvd",
                Rank = l.Rank!.Value,
                Ranks = l.Made is not null ? l.Ranks : null,
                Shape = l.Shape,
                Orientation = l.Kernel is null ? layers[l.Name].Shape.Orientation : l.ChannelsLast ? WeightOrientation.InOut : WeightOrientation.OutIn,
                DType = layers[l.Name].Shape.DType,
                Bias = Format.IsGraph() ? null : biases.Of(layers[l.Name].Shape),
                RelativeError = measured(l.TiedTo ?? l.Name).Error,
                Quantization = l.Quantization?.ToString(),
                TruncationError = l.Quantization is null ? null : measured(l.TiedTo ?? l.Name).Truncation,
                QuantizationError = l.Quantization is null ? null : measured(l.TiedTo ?? l.Name).Quantization,
                CalibratedError = Calibrations?.Has(l) == true ? measured(l.TiedTo ?? l.Name).Calibrated : null,
                HeldOutError = Calibrations?.Has(l) == true ? measured(l.TiedTo ?? l.Name).HeldOut : null,
                TiedTo = l.TiedTo,
                Basis = l.Basis,
            })],
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Calibrations?.Dispose();
        Engines?.Dispose();
        Model.Dispose();
    }

    private void MakePlan(IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        StoredAs stored = Options.Stored with { Format = Format };
        Calibrations = Options.Calibration is { } use ? LayerCalibrations.Open(use) : null;
        try
        {
            Plan = Options.Plan is { } given
                ? new ReplayPlan(given, Options.AnyModel).On(Model, stored, cancellationToken)
                : new MakePlan(Options.PlanOptions!).Run(Model, stored, progress, cancellationToken);
            Calibrations?.Check(Model, Plan);
            Items = new FactorizedItems(Model, Plan, Options, Format).Build();
            Engines = LayerEngines.Choose(Options.Engine, [.. Items.OfType<FactoredItem>().Select(p => p.Plan).Where(p => p.Made is null)], Options.Svd.ThreadCount);
        }
        catch
        {
            Calibrations?.Dispose();
            throw;
        }
    }
}
