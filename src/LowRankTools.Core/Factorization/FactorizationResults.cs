using LowRankTools.Core.Factors;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Factorization;

/// <summary>Makes results: what a factorization would do, and what it did.</summary>
internal static class FactorizationResults
{
    private const string PairsInGguf = "llama.cpp runs no low-rank pairs: this GGUF is read by LowRankTools alone. Merge-LowRankFactor makes a dense GGUF of it that llama.cpp loads, as large as the model was.";

    private const string NobodyShares = "No layer found a partner to share a basis with, one of its name but for a number that follows, and of its shape: all pairs are their own.";

    /// <summary>What would be done.</summary>
    public static FactorizationResult Planned(FactorizationJob job)
    {
        List<LayerShape> own = [.. job.Model.Layers.Select(l => l.Shape).Where(s => s.TiedTo is null)];
        List<TensorSpec> written = [.. job.Items.SelectMany(i => i.Written)];
        return new FactorizationResult
        {
            Path = job.Location.WeightsPath,
            Source = job.Model.Source.Path,
            Name = job.Model.Source.Name,
            Rule = job.Plan.Rule,
            Engine = job.Engines.ToString(),
            Written = false,
            ParametersBefore = own.Sum(s => s.Parameters),
            Parameters = written.Sum(t => TensorShape.ElementCount(t.Shape, t.Name)),
            BytesBefore = own.Sum(s => s.Bytes),
            Bytes = written.Sum(t => t.ByteLength),
            FactorizedLayers = job.Plan.Layers.Count(l => l.Rank is not null),
            KeptLayers = job.Plan.Layers.Count(l => l.Rank is null),
            Uncalibrated = job.Calibrations?.Missing(job.Plan).ToArray() ?? [],
            Note = job.Format == ModelFormat.Gguf ? PairsInGguf : job.Options.ShareBasis > 0 && !job.Plan.Layers.Any(l => l.Rank is not null && l.Basis is not null) ? NobodyShares : "",
            // An array: PowerShell cannot index into the lists that collection expressions make.
            Layers = job.Plan.Layers.Select(LayerFactorization.From).ToArray(),
        };
    }

    /// <summary>What would be done of some layers alone, by one part of several.</summary>
    public static FactorizationResult Planned(FactorizationJob job, IReadOnlyList<FactoredItem> pairs, PartNumber part) => Planned(job) with
    {
        Part = part.ToString(),
        ParametersBefore = pairs.Sum(p => p.Layer.Shape.Parameters),
        Parameters = pairs.SelectMany(p => p.Written).Sum(t => TensorShape.ElementCount(t.Shape, t.Name)),
        BytesBefore = pairs.Sum(p => p.Layer.Shape.Bytes),
        Bytes = pairs.SelectMany(p => p.Written).Sum(t => t.ByteLength),
        FactorizedLayers = pairs.Count,
        KeptLayers = 0,
        Uncalibrated = pairs.Where(p => job.Calibrations?.Has(p.Plan) == false).Select(p => p.Plan.Name).ToArray(),
        Layers = pairs.Select(p => LayerFactorization.From(p.Plan)).ToArray(),
    };

    /// <summary>What was done.</summary>
    /// <param name="job">The job.</param>
    /// <param name="planned">What was to be done.</param>
    /// <param name="entry">Full path of what was written.</param>
    /// <param name="measured">What was measured, by layer.</param>
    /// <param name="note">What else should be known; empty for nothing.</param>
    public static FactorizationResult Finished(FactorizationJob job, FactorizationResult planned, string entry, IReadOnlyDictionary<string, MeasuredPair> measured, string note)
    {
        MeasuredPair[] pairs = [.. planned.Layers.Where(l => l.Rank is not null && measured.ContainsKey(l.Name)).Select(l => measured[l.Name])];
        double norm = pairs.Sum(m => m.SquaredNorm);
        double difference = pairs.Sum(m => m.Error * m.Error * m.SquaredNorm);
        return planned with
        {
            Path = entry,
            Written = true,
            Note = string.Join(' ', new[] { planned.Note, job.Engines.Note, note }.Where(n => n.Length > 0)),
            RelativeError = pairs.Length == 0 ? null : norm == 0 ? 0 : Math.Sqrt(difference / norm),
            Layers = planned.Layers.Select(l => measured.TryGetValue(l.Name, out MeasuredPair m)
                ? l with
                {
                    RelativeError = m.Error,
                    CalibratedError = m.Calibrated,
                    HeldOutError = m.HeldOut,
                    TruncationError = m.Truncation,
                    QuantizationError = m.Quantization,
                    ZeroedParameters = m.Zeroed,
                    Method = m.Algorithm,
                    Engine = m.Engine,
                    Seconds = m.Seconds,
                }
                : l).ToArray(),
        };
    }

    /// <summary>The error of a plan without a single pair.</summary>
    public static LowRankToolsException NothingToDo(RankPlan plan) => new(CoreErrors.NothingToFactorize,
        $"{plan.Path}: no layer would become a pair or a chain by the rule {plan.Rule}{(plan.Layers.Any(l => l.Reason == KeepReason.BreakEven) ? ": pairs of these ranks would be no smaller" : "")}, and a copy is not written.",
        "Choose smaller ranks or other layers; -WhatIf gives the reason for each layer.");
}
