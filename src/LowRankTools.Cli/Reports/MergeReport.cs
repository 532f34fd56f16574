using LowRankTools.Cli.Output;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>One merge as a few lines.</summary>
internal static class MergeReport
{
    public static void Write(MergeResult result, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{result.Name}  {result.Source}"));
        console.Out.WriteLine($"{Figures.Plural(result.MergedLayers, "weight")} merged");
        console.Out.WriteLine($"parameters  {Figures.Count(result.ParametersBefore)} -> {Figures.Count(result.Parameters)}, all tensors, shared storage once");
        console.Out.WriteLine($"bytes       {Figures.Bytes(result.BytesBefore)} -> {Figures.Bytes(result.Bytes)}, tensor data without headers");
        if (result.Seconds is { } seconds)
            console.Out.WriteLine($"seconds     {Figures.Seconds(seconds)}, reading and writing included");
        WrittenReport.Write(result.Written, result.Path, result.Displaced, result.Note, console);
        console.Out.WriteLine();
    }
}
