using LowRankTools.Core.Factorization;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;

namespace LowRankTools.Core.Figures;

/// <summary>One pair's error, and that on inputs where it was calibrated.</summary>
internal sealed record LayerError(string Name, string Shape, int Rank, double? Relative, double? Calibrated, double? HeldOut)
{
    public static LayerError[] Of(RankPlan plan) => [.. plan.Layers.Where(l => l.Rank is not null).Select(l => new LayerError(l.Name, l.Shape.ToString(), l.Rank!.Value, l.RelativeError, null, null))];

    public static LayerError[] Of(FactorizationResult result) =>
        [.. result.Layers.Where(l => l.Rank is not null).Select(l => new LayerError(l.Name, l.Shape.ToString(), l.Rank!.Value, l.RelativeError, l.CalibratedError, l.HeldOutError))];

    public static LayerError[] Of(FactorizationRecord record) => [.. record.Layers.Select(l => new LayerError(l.Name, l.Shape.ToString(), l.Rank, l.RelativeError, l.CalibratedError, l.HeldOutError))];

    /// <summary>What a plan's errors are of.</summary>
    public static string Told(RankPlan plan) => plan.Spectrum switch
    {
        SpectrumOrigin.Weights => $"predicted from the singular values, rule {plan.Rule}",
        SpectrumOrigin.Calibration => $"predicted on the calibration inputs, rule {plan.Rule}",
        _ => $"not predicted: the plan was made without values, rule {plan.Rule}",
    };
}
