using LowRankTools.Core.Figures;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;

namespace LowRankTools.Interactive.Tests;

/// <summary>Figures of every kind of axis and series, without a model.</summary>
internal static class Samples
{
    public static Figure Losses => Plot.LossCurves([new LossCurve("first", [3, 2, 1.5]), new LossCurve("second", [3, 2.5, double.NaN])]);

    public static Figure Bars => new()
    {
        Title = "Bars & <names>",
        Protocol = "made up",
        X = new FigureAxis("MB"),
        Y = new FigureAxis("layer") { Categories = ["a", "b"] },
        Series = [new FigureSeries("before", SeriesKind.Bars, [2, 1], [0, 1]) { IsReference = true }, new FigureSeries("after", SeriesKind.Bars, [1, 0.5], [0, 1])],
        Table = new FigureTable([new FigureColumn("layer"), new FigureColumn("MB", true)], [["a", "2"], ["b", "1"]]),
    };

    public static Figure Logarithmic => new()
    {
        Title = "Spectrum",
        Protocol = "made up",
        X = new FigureAxis("k") { IsLog = true },
        Y = new FigureAxis("value") { IsLog = true },
        Series = [new FigureSeries("values", SeriesKind.DashedLine, [1, 10, 100], [1, 1e-3, 1e-6]) { Labels = ["x", "y", "z"], ShowLabels = true }],
        Table = new FigureTable([new FigureColumn("k", true)], [["1"]]),
    };

    public static RankPlan Plan => new MakePlan(new PlanOptions { Rule = new RankRule.TargetReduction(3), MinRank = 2 })
        .Run([new MatrixShape(10, 30), new MatrixShape(10, 5), new MatrixShape(10, 5), new MatrixShape(10, 20)]);
}
