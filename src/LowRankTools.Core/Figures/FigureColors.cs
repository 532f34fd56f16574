namespace LowRankTools.Core.Figures;

/// <summary>Colours that stand out from white and from black alike, three to one and more, and from each other for most eyes.</summary>
internal static class FigureColors
{
    private static readonly string[] s_palette = ["#2f7fd1", "#c9661a", "#2a9154", "#b8509e", "#168b94", "#cf4c4c", "#7d68d0", "#84811d"];

    /// <summary>What others are compared with.</summary>
    public const string Reference = "#858d96";

    /// <summary>Each series' colour: its own, the reference's, or the next.</summary>
    public static string[] Of(IReadOnlyList<FigureSeries> series)
    {
        int next = 0;
        return [.. series.Select(s => s.IsReference ? Reference : s_palette[(s.Color ?? next++) % s_palette.Length])];
    }
}
