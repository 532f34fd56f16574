using System.Diagnostics;
using System.Text.Json;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Core.Parts;

/// <summary>
/// Factorizes one part of a model's layers and puts it where <see cref="JoinParts"/> finds it: on another machine, at another time,
/// as often as a scheduler likes. A part that is there already is left as it is.
/// </summary>
/// <param name="options">As for the whole model; every part must have the same.</param>
/// <param name="part">Which part.</param>
public sealed class FactorizePart(FactorizeOptions options, PartNumber part)
{
    private static readonly string s_longestChecksum = new('0', PartChecksum.Digits);

    /// <summary>Longer than any algorithm's name.</summary>
    private const string LongestAlgorithm = "................................................................";

    private readonly FactorizeModel _whole = new(options);

    /// <summary>Where the part of a model goes.</summary>
    public OutputLocation Location(ModelSource source) => PartFolder.Location(_whole.Location(source), part);

    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: among others, a rule that needs singular values, which every part would compute of every layer.</exception>
    public void Validate()
    {
        options.Validate();
        if (options.DenseTwoOfFour)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Parts hold pairs alone.", "Leave -DenseSparsity out, or -Part.");
        if (options.Quantize is not null || options.Plan?.Layers.Any(l => l.Quantization is not null) == true)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Parts are not quantised.", "Leave -Quantize out, or -Part.");
        if (options.SharesBasis)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Parts are dealt out by layers, and layers that share a basis are computed together.", "Leave -ShareBasis out, or -Part.");
        if (options.Rule is not (null or RankRule.Fixed or RankRule.KeepRatio) || options.Method == FactorMethod.Auto)
        {
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"Every part would compute the errors of every layer for the rule {options.Rule}{(options.Method == FactorMethod.Auto ? ", method Auto" : "")}.",
                "Plan once with New-RankPlan, write the plan with Export-RankPlan, and give it to the parts with -Plan.");
        }
    }

    /// <summary>Factorizes the layers of the part, or says which they are (<see cref="FactorizeOptions.WhatIf"/>).</summary>
    /// <param name="source">The model.</param>
    /// <param name="progress">Told about every layer, in bytes.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException"><c>PartInvalid</c>, <c>PartMismatch</c>: there is such a part already, and it is damaged or of other options; and as
    /// <see cref="FactorizeModel.Run(ModelSource, IProgress{OperationProgress}?, CancellationToken)"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public FactorizationResult Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Validate();
        Stopwatch clock = Stopwatch.StartNew();
        if (!options.WhatIf && EngineSelector.Select(options.Engine).IsEmbedded)
            AheadOfUse.Begin();
        OutputLocation final = _whole.Location(source), location = Location(source);
        // A part that is there may be the very one that is wanted: that is looked at when the plan is made.
        using FactorizationJob job = FactorizationJob.Prepare(options with { Force = true }, source, location, _whole.FormatOf(source), [], progress, cancellationToken);
        List<FactoredItem> all = [.. job.Items.OfType<FactoredItem>()];
        if (all.Count == 0)
            throw FactorizationResults.NothingToDo(job.Plan);
        if (part.Of > all.Count)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{source.Path}: {all.Count} layers cannot be dealt out to {part.Of} parts.", "Choose fewer parts.");
        IReadOnlyList<FactoredItem> pairs = PartShare.Of(all, part, options.Svd);
        PartRecord record = Record(job, final, []).Identified();
        FactorizationResult planned = FactorizationResults.Planned(job, pairs, part);
        if (!options.Force && Existing(location.WeightsPath, record) is { } there)
            return FactorizationResults.Finished(job, planned, location.WeightsPath, there, "The part was there already and is left as it is.") with { Seconds = clock.Elapsed.TotalSeconds };
        return options.WhatIf ? planned : Write(job, pairs, record, planned, clock, progress, cancellationToken);
    }

    private PartRecord Record(FactorizationJob job, OutputLocation final, IReadOnlyList<PartLayer> layers) => new()
    {
        Part = part.Number,
        Of = part.Of,
        SourcePath = job.Model.Source.Path,
        WeightsName = Path.GetFileName(final.WeightsPath),
        OwnFolder = final.OwnFolder,
        Options = PartOptions.Of(job),
        Plan = RankPlanFile.ToLineWithoutPath(job.Plan),
        Layers = layers,
    };

    /// <summary>What a part that is there measured; null where there is none.</summary>
    private static Dictionary<string, MeasuredPair>? Existing(string path, PartRecord wanted)
    {
        if (!Path.Exists(path))
            return null;
        using PartFile there = PartFile.Open(path);
        if (there.Record.DifferenceFrom(wanted) is { } difference)
            throw new LowRankToolsException(CoreErrors.PartMismatch, $"{path}: there is a part already that does not belong to this run: {difference}.", "Use -Force to replace it, or choose another -OutputPath.");
        return there.Record.Layers.ToDictionary(l => l.Name, l => new MeasuredPair(l.Error, l.SquaredNorm, l.Algorithm, null, l.Calibrated, l.HeldOut), StringComparer.Ordinal);
    }

    private static FactorizationResult Write(FactorizationJob job, IReadOnlyList<FactoredItem> pairs, PartRecord record, FactorizationResult planned, Stopwatch clock,
        IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        MeasuredPair longest = MeasuredPair.Longest with { Algorithm = LongestAlgorithm };
        OutputRequest request = new(job.Location, ModelFormat.Safetensors, [.. pairs.SelectMany(p => p.Written)], Metadata(record, [.. pairs.Select(p => Layer(p, longest, s_longestChecksum))]))
        {
            Source = job.Read, Disk = job.Options.Disk, Force = true,
        };
        Dictionary<string, MeasuredPair> measured = new(StringComparer.Ordinal);
        List<PartLayer> layers = [];
        using ModelOutput output = ModelOutput.Create(request);
        PartChecksum checksum = new();
        using (ComputedPairs computed = new(job, pairs, cancellationToken) { Written = checksum.Append })
        {
            long done = 0, total = pairs.Sum(p => p.Plan.BytesBefore);
            foreach (FactoredItem pair in pairs)
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Report(new OperationProgress("Factorizing", pair.Plan.Name, done, total));
                MeasuredPair one = measured[pair.Plan.Name] = computed.Write(pair, output, cancellationToken)[0];
                layers.Add(Layer(pair, one, "").Checked(checksum));
                done += pair.Plan.BytesBefore;
            }
        }
        output.Complete(Metadata(record, layers), record: null, companionsFrom: null);
        return FactorizationResults.Finished(job, planned, job.Location.WeightsPath, measured, output.Note) with { Seconds = clock.Elapsed.TotalSeconds, Displaced = output.Displaced.ToArray() };
    }

    private static PartLayer Layer(FactoredItem pair, MeasuredPair measured, string checksum) =>
        new(pair.Plan.Name, measured.Error, measured.SquaredNorm, measured.Algorithm, measured.Calibrated, measured.HeldOut, checksum);

    private static Dictionary<string, string> Metadata(PartRecord record, IReadOnlyList<PartLayer> layers) => new(StringComparer.Ordinal)
    {
        [PartRecord.MetadataKey] = JsonSerializer.Serialize(record with { Layers = layers }, PartJson.Default.PartRecord),
    };
}
