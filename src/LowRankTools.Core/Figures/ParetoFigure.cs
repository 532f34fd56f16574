using LowRankTools.Core.Plans;

namespace LowRankTools.Core.Figures;

/// <summary>One choice by what it costs and what it loses.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Cost">Less is better.</param>
/// <param name="Error">Less is better.</param>
public sealed record ParetoPoint(string Name, double Cost, double Error);

/// <summary>Choices by cost and error, with the front of those that none beats in both.</summary>
internal static class ParetoFigure
{
    public static Figure Build(RankPlan[] plans)
    {
        RankPlan[] known = [.. plans.Where(p => p.RelativeError is not null)];
        string left = known.Length == plans.Length ? "" : $" {FigureText.Plural(plans.Length - known.Length, "plan")} without a predicted error {(plans.Length - known.Length == 1 ? "is" : "are")} left out.";
        string model = known.Length > 0 && known.All(p => p.Name == known[0].Name) ? $": {known[0].Name}" : "";
        return Build([.. known.Select(p => new ParetoPoint(p.Rule, p.KeptRatio, p.RelativeError!.Value))],
            new FigureAxis("kept share of the parameters") { Format = AxisFormat.Percent }, new FigureAxis("predicted relative error"), $"Plans{model}",
            $"Predicted error of {FigureText.Plural(known.Length, "plan")} in each plan's own weighting, against the parameters of the chosen layers over those before. The line joins the plans that no other beats in both.{left}");
    }

    public static Figure Build(ParetoPoint[] points, FigureAxis cost, FigureAxis error, string title, string protocol)
    {
        ParetoPoint[] front = [.. Front(points)];
        HashSet<ParetoPoint> best = [.. front];
        return new Figure
        {
            Title = title,
            Protocol = protocol,
            X = cost,
            Y = error,
            Series =
            [
                new FigureSeries("not beaten in both", SeriesKind.Line, [.. front.Select(p => p.Cost)], [.. front.Select(p => p.Error)]) { IsReference = true },
                new FigureSeries("", SeriesKind.Points, [.. points.Select(p => p.Cost)], [.. points.Select(p => p.Error)]) { Labels = [.. points.Select(p => p.Name)], ShowLabels = true },
            ],
            Table = FigureTable.Of(["Choice", $">{cost.Title}", $">{error.Title}", "Not beaten"],
                points.Select(p => (string[])[p.Name, cost.Format == AxisFormat.Percent ? FigureText.Percent(p.Cost) : FigureText.Number(p.Cost), FigureText.Number(p.Error), best.Contains(p) ? "yes" : "no"])),
        };
    }

    /// <summary>The choices that no other is at least as good as in both and better in one, by cost.</summary>
    internal static IEnumerable<ParetoPoint> Front(IEnumerable<ParetoPoint> points)
    {
        double least = double.PositiveInfinity;
        foreach (ParetoPoint point in points.OrderBy(p => p.Cost).ThenBy(p => p.Error))
        {
            if (!(point.Error < least))
                continue;
            least = point.Error;
            yield return point;
        }
    }
}
