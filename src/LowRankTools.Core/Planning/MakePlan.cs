using LowRankTools.Core.Calibration;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Planning.Measured;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Spectra;
using LowRankTools.Core.Speed;
using LowRankTools.Core.Storage;
using LowRankTools.Formats;
using LowRankTools.Formats.Quantization;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Planning;

/// <summary>Chooses a rank, or to stay dense, for every layer of a model or of a list of shapes.</summary>
/// <param name="options">Rule, constraints, weighting.</param>
public sealed class MakePlan(PlanOptions options)
{
    // Far above any model: sizes whose sums would overflow, or whose spectra would fill the memory, are typing errors.
    private const double MostElements = 1L << 56;
    private const int LargestSide = 1 << 24;

    /// <summary>What a shape costs, dense and as pairs, where a speed is asked for; null to measure it here and now.</summary>
    internal Func<MatrixShape, CancellationToken, LayerTimeCurve>? Times { get; init; }

    /// <summary>Plans a model. Values are read where the rule or the predicted errors need them.</summary>
    /// <param name="source">The model.</param>
    /// <param name="progress">Told about every layer, in bytes.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>BudgetTooSmall</c>, <c>TargetUnreachable</c>, <c>LayerNotFound</c>,
    /// <c>RankExceedsLayer</c>, <c>NonFiniteValues</c>, or the file is damaged.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public RankPlan Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        using Model model = Model.Open(source);
        return Run(model, options.Stored with { Format = OutputTypes.Default(model.File.Format) }, progress, cancellationToken);
    }

    /// <summary>Plans matrices of which only the shapes are known, with an <see cref="AssumedSpectrum"/> where budgets are shared out.</summary>
    /// <param name="shapes">Sizes.</param>
    /// <param name="progress">Told about every layer that a rule times.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>BudgetTooSmall</c>, <c>LayerNotFound</c>, <c>RankExceedsLayer</c>.</exception>
    public RankPlan Run(IReadOnlyList<MatrixShape> shapes, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        if (options.Rule.SpeaksOfValues)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{options.Rule}: shapes alone have no values to keep.", "Name a model, or choose a budget.");
        if (options.Measured is not null)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Shapes alone do not run on a text.", "Name a model.");
        if (options.Weighting != Weighting.Relative)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"-Weighting {options.Weighting}: shapes alone have no values to weigh.", "Leave -Weighting out.");
        if (shapes.Any(s => s.MaximumRank > LargestSide) || shapes.Sum(s => 16.0 * s.OutFeatures * s.InFeatures) > MostElements)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "The shapes are too large.", $"The smaller side of a layer is at most {LargestSide}.");
        if (options.ShareBasis > 0)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Names say which layers share a basis, and shapes alone have none.", "Name a model, or leave -ShareBasis out.");
        if (options.Quantize.Any(k => k is not null))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "What quantising adds to an error is told by values, which shapes alone do not have.", "Name a model, or leave -Quantize out.");
        List<PlanCandidate> candidates = PlanCandidates.Of(shapes, options.Stored, options.Selection, new LayerOverrides(options.Overrides));
        ModeSplits.Require(options.Splits, candidates);
        SpectrumOrigin origin = Assume(candidates);
        Pivot(candidates);
        return Plan(candidates, Choose(candidates, default, null, progress, cancellationToken), origin, default);
    }

    /// <summary>Plans an opened model.</summary>
    internal RankPlan Run(Model model, StoredAs stored, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        options.Selection.RequireNames(model);
        model.TakeAsTransposed(options.Selection.IsTransposed);
        foreach (WeightQuantization kind in options.Quantize.OfType<WeightQuantization>())
            QuantizedParts.Check(kind, stored.Format);
        string fingerprint = ModelFingerprint.Compute(model.File, cancellationToken);
        List<PlanCandidate> candidates = new PlanCandidates(model, stored, options.Selection with { IncludeConvolution = options.MakesChains }, new LayerOverrides(options.Overrides)).Build();
        ModeSplits.Require(options.Splits, candidates);
        List<BasisGroup> groups = options.ShareBasis > 1 ? BasisGroups.Of(candidates, options.ShareBasis, options.ShareBasisExclude) : [];
        List<PlanCandidate> deciding = [.. candidates.Except(groups.SelectMany(g => g.Members)), .. groups.Select(g => g.Whole)];
        OtherTensors others = OtherTensors.Of(model, stored);
        SpectrumOrigin origin = options.IsAdapter ? Assume(candidates) : Read(model, stored.Format, fingerprint, deciding, groups, progress, cancellationToken);
        Pivot(candidates);
        return Plan(candidates, Chosen(), origin, others, model.Source, fingerprint, groups);

        (ChosenRanks, PlanMeasurement?) Chosen()
        {
            try
            {
                return Choose(deciding, others, model, progress, cancellationToken);
            }
            catch (LowRankToolsException e) when (!e.Message.Contains(model.Source.Path, StringComparison.Ordinal))
            {
                throw e.In(model.Source.Path);
            }
        }
    }

    private CacheFolder? Cache => options.UseCache ? CacheFolder.OfUser() : null;

    private void Pivot(List<PlanCandidate> candidates)
    {
        if (options.Method != FactorMethod.Pivoted)
            return;
        foreach (PlanCandidate candidate in candidates.Where(PivotedOptions.Takes))
            PivotedOptions.Give(candidate, options);
    }

    private SpectrumOrigin Assume(List<PlanCandidate> candidates)
    {
        if (options.Rule.IsPerLayer)
            return SpectrumOrigin.None;
        AssumedSpectrum assumed = new();
        foreach (PlanCandidate candidate in candidates.Where(c => c.IsOpen))
            candidate.Values = assumed.Of(candidate.Cost.Size);
        return SpectrumOrigin.Assumed;
    }

    private SpectrumOrigin Read(Model model, ModelFormat format, string fingerprint, List<PlanCandidate> candidates, List<BasisGroup> groups, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        new LayerOptions(model, options, format).Find([.. candidates.Where(c => c.IsOpen)], progress, cancellationToken);
        if (!options.PredictErrors && options.Rule is RankRule.Fixed or RankRule.KeepRatio)
            return SpectrumOrigin.None;
        PlanCandidate[] open = [.. candidates.Where(c => c.IsOpen && c.Cost.Kernel is null && c.Options is null).Except(groups.Select(g => g.Whole))];
        PlanCandidate[] calibrated = options.Calibration is { } use ? Calibrate(model, fingerprint, open, [.. groups.SelectMany(g => g.Members)], use, progress, cancellationToken) : [];
        open = [.. open.Except(calibrated)];
        new GroupSpectra(model, options).Find(groups, progress, cancellationToken);
        SpectrumReader reader = new(model, fingerprint, options.Engine, options.Svd, Cache);
        int next = 0;
        foreach ((_, double[] values) in reader.Run([.. open.Select(c => c.Layer!)], "Planning", progress, cancellationToken))
        {
            double energy = SpectrumMeasures.SquaredNorm(values);
            open[next].Values = values;
            open[next++].Weight = options.Weighting == Weighting.Absolute ? 1 : energy == 0 ? 0 : 1 / energy;
        }
        return options.Calibration is null ? SpectrumOrigin.Weights : SpectrumOrigin.Calibration;
    }

    /// <summary>Gives candidates the values that their calibrated truncation will discard, those that the file knows; what shares bases is only looked up.</summary>
    private PlanCandidate[] Calibrate(Model model, string fingerprint, PlanCandidate[] open, PlanCandidate[] sharing, CalibrationOptions use, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        using CalibrationFile file = CalibrationFile.Open(use.Path);
        PlanCandidate[] known = [.. open.Where(c => file.Has(c.Name))];
        PlanCandidate[] all = [.. open, .. sharing];
        if (all.Length > 0 && !all.Any(c => file.Has(c.Name)))
        {
            throw new LowRankToolsException(CoreErrors.CalibrationUnmatched, $"{use.Path}: it has nothing on any chosen layer, such as {LayerNames.Module(all[0].Name)}.",
                $"Name its tensors as the layers of {model.Source.Path}.");
        }
        foreach (PlanCandidate candidate in known)
            file.Check(candidate.Layer!.Shape);
        if (use.Mode is not (CalibrationMode.Diagonal or CalibrationMode.Inputs) && !options.Rule.IsPerLayer)
            file.RequireOneUnit([.. all.Select(c => c.Name)]);
        CalibratedSpectra spectra = new(model, fingerprint, file, use, options.Engine, options.Svd, Cache);
        int next = 0;
        foreach (CalibratedSpectrum spectrum in spectra.Run([.. known.Select(c => c.Layer!)], progress, cancellationToken))
            (known[next].Values, known[next++].Weight) = (spectrum.Values, spectrum.Weight);
        if (options.Weighting == Weighting.FirstOrder)
            Score(model, open, file, use, progress, cancellationToken);
        return known;
    }

    /// <summary>Gives candidates the loss's first-order changes; all of them, for there is no other weight beside these.</summary>
    private void Score(Model model, PlanCandidate[] open, CalibrationFile file, CalibrationOptions use, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        file.RequireWeightGradients([.. open.Select(c => c.Name)]);
        ITensorEngine engine = EngineSelector.Select(options.Engine).Create(options.Svd.ThreadCount, options.Svd.Seed);
        for (int i = 0; i < open.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Scoring", open[i].Name, i, open.Length));
            open[i].FirstOrder = FirstOrderScores.Compute(engine, model, open[i].Layer!, file, use, options.Svd, cancellationToken);
        }
    }

    private (ChosenRanks Ranks, PlanMeasurement? Protocol) Choose(List<PlanCandidate> candidates, OtherTensors others, Model? model, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        PlanCandidate[] open = [.. candidates.Where(c => c.IsOpen)];
        if (options.Rule.IsPerLayer)
            return (LayerRanks.Choose(open, options), null);
        if (options.Rule is RankRule.TargetSpeedup speedup)
        {
            SpeedRanks fast = new(open, c => 1 + candidates.Count(other => other.Leader == c), options, speedup,
                Times ?? new LayerTimes(speedup.BatchSize, options.Engine, options.Svd.ThreadCount).Measure, progress, cancellationToken);
            return (fast.Choose(cancellationToken), null);
        }
        IEnumerable<PlanCandidate> left = candidates.Where(c => !c.IsOpen);
        long other = options.IsAdapter ? 0
            : options.Rule is RankRule.ByteBudget ? others.Bytes + left.Sum(c => c.Cost.Bytes(null))
            : others.Parameters + left.Sum(c => c.Cost.Parameters(null));
        ChosenRanks Solve() => new BudgetRanks(open, options).Choose(other, cancellationToken);
        ChosenRanks additive = Solve();
        if (options.Measured is null || model is null)
            return (additive, null);
        using TrialNetwork network = new(model, open, options, progress, cancellationToken);
        return new MeasuredRanks(open, options, new BudgetRanks(open, options).Budget(other), Solve).Run(network, additive, progress, cancellationToken);
    }

    private RankPlan Plan(List<PlanCandidate> candidates, (ChosenRanks Ranks, PlanMeasurement? Protocol) decided, SpectrumOrigin origin, OtherTensors others, ModelSource? source = null, string? fingerprint = null,
        IReadOnlyList<BasisGroup>? groups = null)
    {
        ChosenRanks chosen = decided.Ranks;
        Dictionary<PlanCandidate, LayerPlan> plans = [];
        foreach (BasisGroup group in groups ?? [])
        {
            (int? rank, KeepReason reason) = chosen.Ranks[group.Whole];
            foreach (PlanCandidate member in group.Members)
                plans.Add(member, member.Decide(rank, reason, plans.GetValueOrDefault(group.Members[0]), withErrors: group.Whole.Values is not null, group: group));
        }
        foreach (PlanCandidate candidate in candidates.Where(c => !plans.ContainsKey(c)))
        {
            LayerPlan? leader = candidate.Leader is null ? null : plans[candidate.Leader];
            (int? rank, KeepReason reason) = leader is not null ? (leader.Rank, leader.Reason) : chosen.Ranks.GetValueOrDefault(candidate, (null, candidate.Reason));
            plans.Add(candidate, candidate.Decide(rank, reason, leader, withErrors: origin is SpectrumOrigin.Weights or SpectrumOrigin.Calibration,
                leader?.Quantization ?? chosen.Kinds?.GetValueOrDefault(candidate)));
        }
        return new RankPlan
        {
            Path = source?.Path,
            Name = source?.Name ?? "shapes",
            Fingerprint = fingerprint,
            Rule = options.Rule.ToString()!,
            Weighting = options.Weighting,
            Spectrum = origin,
            Calibration = options.Calibration is { } use ? CalibrationFile.Remembered(use) : null,
            Measurement = decided.Protocol,
            IsAdapter = options.IsAdapter,
            MinRank = options.MinRank,
            Multiple = options.Multiple,
            DType = options.DType?.ToString(),
            OtherParameters = others.Parameters,
            OtherBytesBefore = others.BytesBefore,
            OtherBytes = others.Bytes,
            Proof = chosen.Proof with { LowerBound = origin == SpectrumOrigin.Assumed || options.Weighting == Weighting.FirstOrder ? null : chosen.Proof.LowerBound },
            Layers = candidates.Select(c => plans[c]).ToList().AsReadOnly(),
        };
    }
}
