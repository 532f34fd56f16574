using LowRankTools.Core;

namespace LowRankTools.Cli.Reports;

/// <summary>What was done with an adapter, as a few lines.</summary>
internal static class LoraReport
{
    public static void Write(MergeAdapterResult result, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{result.Name}  {result.Adapter} in {result.Source}"));
        console.Out.WriteLine($"{Figures.Plural(result.MergedLayers, "weight")} changed by {Figures.Count(result.AdapterParameters)} parameters");
        console.Out.WriteLine($"parameters  {Figures.Count(result.Parameters)}");
        console.Out.WriteLine($"bytes       {Figures.Bytes(result.Bytes)}, tensor data without headers");
        if (result.RoundingError is { } error)
            console.Out.WriteLine($"rounding    {Figures.Small(error)} of the changed weights' norm, by their element type");
        if (result.Seconds is { } seconds)
            console.Out.WriteLine($"seconds     {Figures.Seconds(seconds)}, reading and writing included");
        WrittenReport.Write(result.Written, result.Path, result.Displaced, result.Note, console);
        console.Out.WriteLine();
    }
}
