using LowRankTools.Cli.Output;
using LowRankTools.Core.Quality.Graphs;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>Graphs held against their original as a table under what they were run on, and the texts that differ.</summary>
internal static class GraphQualityReport
{
    private const int TextsAtMost = 20;

    public static void Write(IReadOnlyList<GraphQuality> results, ConsoleContext console)
    {
        GraphQuality first = results[0];
        console.Out.WriteLine(SafeText.Line($"{first.Reference} in {first.Runtime} on {Figures.Plural(first.Samples, "sample")}: {first.Inputs}"));
        ReportTable table = new("Model", "Output", "Shape", ">Size", ">Relative error", ">Cosine", ">Largest difference", ">Agreement", ">Forward", ">Original");
        foreach (GraphQuality quality in results)
        {
            foreach (GraphOutputQuality output in quality.Outputs)
            {
                table.Add(quality.Name, output.Name, output.Shape, Figures.Percent(quality.Kept), Figures.Small(output.RelativeError), Figures.Small(output.Cosine),
                    Figures.Small(output.LargestDifference), Figures.Small(output.Agreement), Figures.Duration(quality.ForwardSeconds), Figures.Duration(quality.ReferenceForwardSeconds));
            }
        }
        table.Write(console);
        console.Out.WriteLine("Relative error and cosine are of all values of an output over all samples; agreement is the share of rows along the last axis whose largest entry is the same; times are medians, in turns.");
        foreach (GraphQuality quality in results.Where(q => q.Texts.Count > 0))
            WriteTexts(quality, console);
    }

    private static void WriteTexts(GraphQuality quality, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{quality.Name}: {Figures.Percent(quality.EqualTexts!.Value)} of {Figures.Plural(quality.Texts.Count, "text")} equal"
            + (quality.CharacterErrorRate is { } rate ? $", {Figures.Percent(rate)} of the characters wrong" : "")));
        foreach (GraphText text in quality.Texts.Where(t => t.Distance > 0).Take(TextsAtMost))
            console.Out.WriteLine(SafeText.Line($"  sample {text.Sample}, text {text.Row}: '{text.Text}' for '{text.Reference}'"));
    }
}
