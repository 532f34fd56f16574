using LowRankTools.Cli.Output;
using LowRankTools.Core.Compression;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>The protocol of a compression.</summary>
internal static class CompressReport
{
    public static void Write(CompressResult result, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{result.Name}  {result.Source} on {result.Text}, {Figures.Plural(result.Lines, "line")} to work with, {Figures.Plural(result.SelectionLines, "line")} to select ranks by, {Figures.Plural(result.JudgedLines, "line")} to judge by"));
        ReportTable table = new("Step", ">Seconds", "Figures");
        foreach (CompressStep step in result.Steps)
            table.Add(step.Name, Figures.Seconds(step.Seconds), step.Figures);
        table.Write(console);
        console.Out.WriteLine(SafeText.Line($"calibration {result.Calibration}"));
        if (result.SequentialCalibration is { } sequential)
            console.Out.WriteLine(SafeText.Line($"sequential  {sequential}"));
        console.Out.WriteLine($"seconds     {Figures.Seconds(result.Seconds)}");
        if (result.WithoutGradients.Count > 0)
            console.Error.WriteLine(SafeText.Line($"note: no gradient came to {string.Join(", ", result.WithoutGradients)}, which stayed dense"));
        WrittenReport.Write(true, result.Path, [], "", console);
        console.Out.WriteLine();
    }
}
