using LowRankTools.Core.Figures;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;

namespace LowRankTools.Core.Reports;

/// <summary>What a report says of a plan.</summary>
internal static class PlanReport
{
    public static List<ReportFact> Summary(RankPlan plan)
    {
        List<ReportFact> facts =
        [
            new("Rule", plan.IsEdited ? plan.Rule + ", edited" : plan.Rule),
            new("Errors weighed", plan.Weighting.ToString()),
            new("Layers planned", $"{FigureText.Count(plan.FactorizedLayers)} factorized, {FigureText.Count(plan.KeptLayers)} kept"),
            new("Parameters of the chosen layers", $"{FigureText.Count(plan.ParametersBefore)} to {FigureText.Count(plan.Parameters)} ({FigureText.Percent(plan.KeptRatio)})"),
            new("Bytes of the whole model", $"{FigureText.Bytes(plan.ModelBytesBefore)} to {FigureText.Bytes(plan.ModelBytes)}"),
        ];
        if (plan.RelativeError is { } error)
            facts.Add(new("Predicted error", FigureText.Number(error) + (plan.IsOptimal ? ", proven to be the least" : plan.LowerBound is { } bound ? $", at least {FigureText.Number(bound)} by any ranks" : "")));
        if (plan.Speedup is { } speedup)
            facts.Add(new("Measured speed-up of the chosen layers", FigureText.Number(Math.Round(speedup, 2))));
        return facts;
    }

    public static List<Figure> Figures(RankPlan plan)
    {
        List<Figure> figures = [Plot.ParametersByLayer(plan), Plot.SizeByLayer(plan)];
        if (plan.Layers.Any(l => l.Rank is not null && l.RelativeError is not null))
            figures.Add(Plot.ErrorByLayer(plan));
        return figures;
    }

    /// <summary>Every decision with its reason.</summary>
    public static FigureTable Decisions(RankPlan plan) => FigureTable.Of(["Layer", "Kind", "Shape", ">Rank", "Reason", ">Parameters", ">Predicted error"],
        plan.Layers.Select(l => (string[])[l.Name, l.Kind.ToString(), l.Shape.ToString(), FigureText.Count(l.Rank), l.Reason == KeepReason.None ? "" : l.Reason.ToString(),
            FigureText.Count(l.Parameters), l.Rank is null ? "" : FigureText.Number(l.RelativeError)]));
}
