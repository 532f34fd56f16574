using LowRankTools.Core.Counting;

namespace LowRankTools.Core.Figures;

/// <summary>Parameters by kind as bars, the largest first.</summary>
internal static class KindBars
{
    public static Figure Build(ParameterCount count)
    {
        KeyValuePair<string, long>[] kinds = [.. count.ByKind.OrderByDescending(k => k.Value).ThenBy(k => k.Key, StringComparer.Ordinal)];
        return new Figure
        {
            Title = $"Parameters by kind: {count.Name}",
            Protocol = $"{FigureText.Count(count.Parameters)} elements of {FigureText.Plural(count.Tensors, "tensor")}, counted from the file's header; shared storage once, buffers included.",
            X = new FigureAxis("parameters") { Format = AxisFormat.Count },
            Y = new FigureAxis("kind") { Categories = [.. kinds.Select(k => k.Key)] },
            Series = [new FigureSeries("", SeriesKind.Bars, [.. kinds.Select(k => (double)k.Value)], [.. kinds.Select((_, i) => (double)i)])
                { Labels = [.. kinds.Select(k => $"{k.Key}: {FigureText.Count(k.Value)} parameters")] }],
            Table = FigureTable.Of(["Kind", ">Parameters", ">Share"], kinds.Select(k => (string[])[k.Key, FigureText.Count(k.Value), FigureText.Percent(count.Parameters == 0 ? null : (double)k.Value / count.Parameters)])),
            Height = BarChoice.Height(kinds.Length),
        };
    }
}
