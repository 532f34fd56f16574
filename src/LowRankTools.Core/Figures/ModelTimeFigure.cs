using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Figures;

/// <summary>Time of whole models against the rank of their pairs.</summary>
internal static class ModelTimeFigure
{
    public static Figure Build(ModelSpeed[] speeds)
    {
        if (speeds.Length == 0)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Nothing was timed.", "Time models with Measure-ModelSpeed first.");
        double right = Math.Max(1, speeds.Max(s => s.Rank ?? 0));
        List<FigureSeries> series = [];
        foreach (IGrouping<string, ModelSpeed> ranks in speeds.Where(s => s.Rank is not null).GroupBy(s => s.Name))
        {
            ModelSpeed[] sorted = [.. ranks.OrderBy(s => s.Rank)];
            series.Add(new FigureSeries(ranks.Key, SeriesKind.LineAndPoints, [.. sorted.Select(s => (double)s.Rank!)], [.. sorted.Select(Milliseconds)])
            { Labels = [.. sorted.Select(s => $"{s.Name}, {Form(s)}: {FigureText.Number(Milliseconds(s))} ms, {FigureText.Count(s.Parameters)} parameters")] });
        }
        foreach (ModelSpeed whole in speeds.Where(s => s.Rank is null))
            series.Add(new FigureSeries($"{whole.Name}, {Form(whole)}", SeriesKind.DashedLine, [0, right], [Milliseconds(whole), Milliseconds(whole)]) { IsReference = whole.Pairs == 0 });
        return new Figure
        {
            Title = "Time of a forward run against rank",
            Protocol = $"Medians of alternating runs on this machine, {speeds[0].Engine}, {speeds[0].InstructionSet}, {FigureText.Plural(speeds[0].ThreadCount, "thread")}, batch of {FigureText.Count(speeds[0].BatchSize)}, {FigureText.Plural(speeds[0].Tokens, "token")}; {speeds.Min(s => s.Times.Runs)} runs and more of each.",
            X = new FigureAxis("rank"),
            Y = new FigureAxis("milliseconds"),
            Series = series,
            Table = FigureTable.Of(["Model", "Form", ">Parameters", ">Median, ms", ">Fastest, ms", ">Speed-up"],
                speeds.Select(s => (string[])[s.Name, Form(s), FigureText.Count(s.Parameters), FigureText.Number(Milliseconds(s)), FigureText.Milliseconds(s.Times.MinimumSeconds), s.SpeedUp is { } up ? FigureText.Number(Math.Round(up, 2)) : ""])),
        };
    }

    private static double Milliseconds(ModelSpeed s) => s.Times.MedianSeconds * 1000;

    private static string Form(ModelSpeed s) => s.Rank is { } rank ? $"rank {FigureText.Count(rank)}" : s.Pairs > 0 ? FigureText.Plural(s.Pairs, "pair") : "dense";
}
