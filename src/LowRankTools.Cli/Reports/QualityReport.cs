using LowRankTools.Cli.Output;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>Measured qualities as a table under what they were measured on.</summary>
internal static class QualityReport
{
    public static void Write(IReadOnlyList<ModelQuality> results, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line(On(results[0])));
        ReportTable table = new("Model", ">Parameters", ">Kept", ">Mean cosine", ">Min", ">Pearson", ">Spearman", ">Agreement", ">Accuracy", ">Perplexity", ">Original");
        foreach (ModelQuality quality in results)
        {
            table.Add(quality.Name, Figures.Count(quality.Parameters), Figures.Percent(quality.Kept),
                Figures.Small(quality.MeanCosine), Figures.Small(quality.MinCosine), Figures.Small(quality.Pearson), Figures.Small(quality.Spearman),
                Figures.Small(quality.Agreement), Figures.Small(quality.Accuracy), Figures.Small(quality.Perplexity), Figures.Small(quality.ReferencePerplexity ?? quality.ReferenceAccuracy));
        }
        table.Write(console);
        console.Out.WriteLine(results[0].Perplexity is null
            ? "Mean cosine and min are of each line's embedding and the original's; Pearson and Spearman are correlations of all pairs' cosines with the original's."
            : "Perplexity is exp of the mean of -log p over all tokens but the first of each sequence.");
    }

    /// <summary>What was measured on what.</summary>
    public static string On(ModelQuality quality) =>
        $"{quality.Reference} on {Figures.Plural(quality.Lines, "line")} ({Figures.Plural(quality.Tokens, "token")}) of {quality.Text}"
        + (quality.CutLines > 0 ? $", {Figures.Count(quality.CutLines)} of them longer than a sequence" : "") + (quality.Pooling is { } pooling ? $", embeddings: {pooling}" : "");
}
