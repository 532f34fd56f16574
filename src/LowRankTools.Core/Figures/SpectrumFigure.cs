using LowRankTools.Core.Plans;
using LowRankTools.Core.Spectra;

namespace LowRankTools.Core.Figures;

/// <summary>Spectra as lines that fall from one, with the ranks of a plan on them.</summary>
internal static class SpectrumFigure
{
    private const int MostLines = 8;
    private const int MostPoints = 160;

    public static Figure Build(LayerSpectrum[] spectra, RankPlan plan) => Build(spectra,
        s => plan.Path is null || plan.Path == s.Path ? plan.Layers.FirstOrDefault(l => l.Name == s.Name)?.Rank : null, plan.Rule);

    /// <summary>Draws spectra and what was chosen of them.</summary>
    /// <param name="spectra">Layers.</param>
    /// <param name="rankOf">The rank that was chosen for a layer; null for none.</param>
    /// <param name="rule">What chose; null where nothing did.</param>
    public static Figure Build(LayerSpectrum[] spectra, Func<LayerSpectrum, int?> rankOf, string? rule)
    {
        int?[] ranks = [.. spectra.Select(rankOf)];
        LayerSpectrum[] shown = Shown(spectra);
        List<FigureSeries> series = [];
        for (int i = 0; i < shown.Length; i++)
        {
            int[] at = Places(shown[i].SingularValues.Count);
            series.Add(new FigureSeries(shown[i].Name, SeriesKind.Line, [.. at.Select(k => (double)k)], [.. at.Select(k => Relative(shown[i], k))]) { Color = i });
        }
        for (int i = 0; i < shown.Length; i++)
        {
            if (rankOf(shown[i]) is not { } rank || rank > shown[i].SingularValues.Count)
                continue;
            series.Add(new FigureSeries(series.Count == shown.Length ? "chosen rank" : "", SeriesKind.Points, [rank], [Relative(shown[i], rank)])
            { Color = i, Labels = [$"{shown[i].Name}: rank {FigureText.Count(rank)}"] });
        }
        return new Figure
        {
            Title = $"Singular values{(spectra.Length > 0 && spectra.All(s => s.Model == spectra[0].Model) ? $": {spectra[0].Model}" : "")}",
            Protocol = $"Singular values of {FigureText.Plural(spectra.Length, "layer")} in float64, each over the layer's largest.{(rule is null ? "" : $" Points are the ranks of the rule {rule}.")}"
                + (shown.Length == spectra.Length ? "" : $" {shown.Length} layers are drawn, evenly chosen from the one whose effective rank is the smallest part of its full rank to the one where it is the largest; the table lists all."),
            X = new FigureAxis("index k") { IsLog = true },
            Y = new FigureAxis("\u03c3\u2096 / \u03c3\u2081") { IsLog = true },
            Series = series,
            Table = FigureTable.Of(["Layer", "Shape", ">Largest", ">Stable rank", ">Effective rank", ">Rank for 90 %", ">95 %", ">99 %", ">Break-even", ">Chosen"],
                spectra.Select((s, i) => (string[])[s.Name, s.Shape.ToString(), FigureText.Number(s.SpectralNorm), FigureText.Number(Math.Round(s.StableRank, 1)), FigureText.Number(Math.Round(s.EffectiveRank, 1)),
                    FigureText.Count(s.Rank90), FigureText.Count(s.Rank95), FigureText.Count(s.Rank99), FigureText.Count(s.BreakEvenRank), FigureText.Count(ranks[i])])),
            Height = 420 + 19 * shown.Length,
        };
    }

    private static LayerSpectrum[] Shown(LayerSpectrum[] spectra)
    {
        if (spectra.Length <= MostLines)
            return spectra;
        LayerSpectrum[] sorted = [.. spectra.OrderBy(s => s.EffectiveRank / Math.Max(1, Math.Min(s.Size.Rows, s.Size.Columns))).ThenBy(s => s.Name, StringComparer.Ordinal)];
        return [.. Enumerable.Range(0, MostLines).Select(i => sorted[(int)Math.Round(i * (sorted.Length - 1.0) / (MostLines - 1))])];
    }

    /// <summary>Indexes, from 1, evenly in ratio: a line of thousands of points looks the same.</summary>
    private static int[] Places(int count) => count <= MostPoints ? [.. Enumerable.Range(1, count)]
        : [.. Enumerable.Range(0, MostPoints).Select(i => (int)Math.Round(Math.Pow(count, i / (MostPoints - 1.0)))).Distinct()];

    private static double Relative(LayerSpectrum s, int k) => s.SpectralNorm == 0 ? 0 : s.SingularValues[k - 1] / s.SpectralNorm;
}
