using LowRankTools.Core.Factorization;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Figures;

/// <summary>Size of factorized models against the rank of their pairs.</summary>
internal static class SizeFigure
{
    private const double MiB = 1 << 20;

    public static Figure Build(FactorizationResult[] results)
    {
        (FactorizationResult Result, int Rank)[] paired = [.. results.Where(r => r.Layers.Any(l => l.Rank is not null)).Select(r => (r, r.Layers.Max(l => l.Rank ?? 0)))];
        if (paired.Length == 0)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "No result has a pair.", "Factorize a model at several ranks first, or say what would be with -WhatIf.");
        double right = paired.Max(p => p.Rank);
        List<FigureSeries> series = [];
        foreach (IGrouping<string, (FactorizationResult Result, int Rank)> model in paired.GroupBy(p => p.Result.Name))
        {
            (FactorizationResult Result, int Rank)[] sorted = [.. model.OrderBy(p => p.Rank)];
            double before = sorted[0].Result.BytesBefore / MiB;
            series.Add(new FigureSeries(model.Key, SeriesKind.LineAndPoints, [.. sorted.Select(p => (double)p.Rank)], [.. sorted.Select(p => p.Result.Bytes / MiB)])
            { Labels = [.. sorted.Select(p => $"{model.Key}, rank {p.Rank}: {FigureText.Number(p.Result.Bytes / MiB)} MB, {FigureText.Count(p.Result.Parameters)} parameters")] });
            series.Add(new FigureSeries($"{model.Key}, dense", SeriesKind.DashedLine, [0, right], [before, before]) { IsReference = true });
        }
        return new Figure
        {
            Title = "Size against rank",
            Protocol = "Bytes of all tensors, headers not counted, against the largest rank of a pair; layers whose pair would be no smaller stay dense.",
            X = new FigureAxis("rank"),
            Y = new FigureAxis("MB"),
            Series = series,
            Table = FigureTable.Of(["Model", "Rule", ">Rank", ">Pairs", ">Parameters", ">MB", ">Kept"],
                paired.Select(p => (string[])[p.Result.Name, p.Result.Rule, FigureText.Count(p.Rank), FigureText.Count(p.Result.FactorizedLayers), FigureText.Count(p.Result.Parameters), FigureText.Number(p.Result.Bytes / MiB), FigureText.Percent(p.Result.KeptRatio)])),
        };
    }
}
