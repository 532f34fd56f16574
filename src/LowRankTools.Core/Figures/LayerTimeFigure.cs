using LowRankTools.Core.Layers;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Figures;

/// <summary>Time of pairs against their rank: of one shape in milliseconds, of several over the dense time.</summary>
internal static class LayerTimeFigure
{
    public static Figure Build(LayerSpeed[] speeds)
    {
        if (speeds.Length == 0)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Nothing was timed.", "Time layers with Measure-LayerSpeed first.");
        LayerSpeed[][] shapes = [.. speeds.GroupBy(s => (s.OutFeatures, s.InFeatures, s.BatchSize)).Select(g => g.OrderBy(s => s.Rank).ToArray())];
        bool isOne = shapes.Length == 1;
        List<FigureSeries> series = [];
        for (int i = 0; i < shapes.Length; i++)
        {
            LayerSpeed[] shape = shapes[i];
            series.Add(new FigureSeries(isOne ? "pair" : Shape(shape[0]), SeriesKind.LineAndPoints, [.. shape.Select(s => (double)s.Rank)], [.. shape.Select(Height)])
            { Color = i, Labels = [.. shape.Select(s => $"{Shape(s)}, rank {FigureText.Count(s.Rank)}: {FigureText.Milliseconds(s.Pair.MedianSeconds)} ms, {FigureText.Number(s.SpeedUp)} times as fast as dense")] });
        }
        double right = speeds.Max(s => Math.Max(s.Rank, s.MeasuredBreakEvenRank ?? 0)), top = Math.Max(isOne ? speeds.Max(s => s.Dense.MedianSeconds * 1000) : 1, speeds.Max(Height));
        if (isOne)
            right = Math.Max(right, speeds[0].BreakEvenRank);
        double[] dense = isOne ? [.. speeds.Select(s => s.Dense.MedianSeconds * 1000)] : [1];
        double middle = dense.Order().ElementAt(dense.Length / 2);
        series.Add(new FigureSeries("dense", SeriesKind.DashedLine, [0, right], [middle, middle]) { IsReference = true });
        if (isOne)
            BreakEven(series, speeds[0], top);
        return new Figure
        {
            Title = isOne ? $"Time against rank: {Shape(speeds[0])}" : "Time against rank",
            Protocol = $"Medians of alternating runs on this machine, {speeds[0].Engine}, {speeds[0].InstructionSet}, {FigureText.Plural(speeds[0].ThreadCount, "thread")}, {FigureText.Plural(speeds[0].BatchSize, "token")} at once; "
                + $"{speeds.Min(s => s.Pair.Runs)} runs and more of each. Each layer is called over and over, so weights that fit into a cache stay there.",
            X = new FigureAxis("rank"),
            Y = new FigureAxis(isOne ? "milliseconds" : "time of the pair over the dense layer's"),
            Series = series,
            Table = FigureTable.Of(["Layer", "Shape", ">Rank", ">Dense, ms", ">Pair, ms", ">Speed-up", ">Break-even by count", ">measured"],
                shapes.SelectMany(s => s).Select(s => (string[])[s.Name, Shape(s), FigureText.Count(s.Rank), FigureText.Milliseconds(s.Dense.MedianSeconds), FigureText.Milliseconds(s.Pair.MedianSeconds),
                    FigureText.Number(Math.Round(s.SpeedUp, 2)), FigureText.Count(s.BreakEvenRank), FigureText.Count(s.MeasuredBreakEvenRank)])),
        };

        double Height(LayerSpeed s) => isOne ? s.Pair.MedianSeconds * 1000 : s.Pair.MedianSeconds / s.Dense.MedianSeconds;
    }

    private static void BreakEven(List<FigureSeries> series, LayerSpeed speed, double top)
    {
        series.Add(new FigureSeries($"break-even by count, {FigureText.Count(speed.BreakEvenRank)}", SeriesKind.DashedLine, [speed.BreakEvenRank, speed.BreakEvenRank], [0, top]) { Color = 1 });
        if (speed.MeasuredBreakEvenRank is { } measured)
            series.Add(new FigureSeries($"break-even as measured, {FigureText.Count(measured)}", SeriesKind.DashedLine, [measured, measured], [0, top]) { Color = 2 });
    }

    private static string Shape(LayerSpeed s) => Dimensions.Of([s.OutFeatures, s.InFeatures]).ToString();
}
