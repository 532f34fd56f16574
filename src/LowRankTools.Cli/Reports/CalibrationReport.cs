using LowRankTools.Cli.Output;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>A calibration that was made, as a few lines.</summary>
internal static class CalibrationReport
{
    public static void Write(CalibrationResult result, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{result.Name}  {result.Source} on {result.Text}"));
        console.Out.WriteLine($"fitted on   {Figures.Plural(result.Lines, "line")}, {Figures.Plural(result.Tokens, "token")}");
        console.Out.WriteLine($"held out    {Figures.Plural(result.HeldOutLines, "line")}, {Figures.Plural(result.HeldOutTokens, "token")}");
        console.Out.WriteLine($"gradients   {result.Gradients}{(result.ResumedAt > 0 ? $", from batch {Figures.Count(result.ResumedAt)} on" : "")}");
        if (result.Layers is { } layers)
            console.Out.WriteLine($"layers      {Figures.Count(layers)}");
        if (result.Seconds is { } seconds)
            console.Out.WriteLine($"seconds     {Figures.Seconds(seconds)}, loading and writing included");
        WrittenReport.Write(result.Written, result.Path, [], "", console);
        if (result.WithoutGradients.Count > 0)
            console.Error.WriteLine(SafeText.Line($"warning: no gradient came to {string.Join(", ", result.WithoutGradients)}; leave these layers out of plans that are made with this calibration"));
        console.Out.WriteLine();
    }
}
