using LowRankTools.Cli.Output;
using LowRankTools.Core.Resizing;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>One model with smaller feed-forward parts or heads, as a few lines.</summary>
internal static class ResizeReport
{
    public static void Write(ResizeResult result, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{result.Name}  {result.Source}"));
        if (result is { HiddenBefore: { } units, Hidden: { } hidden })
            console.Out.WriteLine($"hidden      {Figures.Count(units)} -> {Figures.Count(hidden)} units in {Figures.Plural(result.ResizedParts, "feed-forward part")}, by {result.Selection.ToLowerInvariant()}");
        if (result is { HeadSizeBefore: { } features, HeadSize: { } size, ValueSizeBefore: { } before, ValueSize: { } values })
            console.Out.WriteLine($"heads       {Figures.Count(features)} -> {Figures.Count(size)} features of queries and keys, {Figures.Count(before)} -> {Figures.Count(values)} of values, in {Figures.Plural(result.ResizedAttention, "block")}, by {result.Selection.ToLowerInvariant()}");
        console.Out.WriteLine($"parameters  {Figures.Count(result.ParametersBefore)} -> {Figures.Count(result.Parameters)}, all tensors, shared storage once");
        console.Out.WriteLine($"bytes       {Figures.Bytes(result.BytesBefore)} -> {Figures.Bytes(result.Bytes)}, tensor data without headers");
        foreach (ResizedPart part in result.Parts)
            console.Out.WriteLine(SafeText.Line($"error       {Figures.Small(part.CalibratedError)} {(part.HeldOutError is { } heldOut ? $"calibrated, {Figures.Small(heldOut)} held out" : "calibrated")}{(part.LostScores is { } lost ? $", {Figures.Small(lost)} of the scores" : "")}  {part.Name}"));
        if (result.Seconds is { } seconds)
            console.Out.WriteLine($"seconds     {Figures.Seconds(seconds)}, reading and writing included");
        WrittenReport.Write(result.Written, result.Path, result.Displaced, result.Note, console);
        console.Out.WriteLine();
    }
}
