using LowRankTools.Cli.Output;
using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Text;

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

    /// <summary>Writes a result as a table or as one line of JSON.</summary>
    public static void Show(AdapterResult result, bool json, ConsoleContext console)
    {
        if (json)
            JsonLines.Write(console.Out, result);
        else
            Write(result, console);
        console.Out.Flush();
        if (result.Uncalibrated.Count > 0)
            console.Error.WriteLine(SafeText.Line($"note: the calibration has nothing on {string.Join(", ", result.Uncalibrated)}; only the difference was looked at there."));
        if (result.NotCarried.Count > 0)
            console.Error.WriteLine(SafeText.Line($"warning: {Figures.Plural(result.NotCarried.Count, "tensor")} that differ from the base model are not in the adapter, '{result.NotCarried[0]}' among them: --json names them all in NotCarried"));
    }

    /// <summary>What keeps an adapter and a base model apart, or that nothing does.</summary>
    public static void Write(AdapterCheck check, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{check.Name}  {check.Path} ({check.Layout}) for {check.Base}"));
        console.Out.WriteLine($"{check.FittingModules} of {Figures.Plural(check.Modules, "module")} fit, ranks {check.LeastRank} to {check.MostRank}, {Figures.Count(check.Parameters)} parameters");
        console.Out.WriteLine($"merged      {Figures.Bytes(check.MergedBytes)}{(check.FreeBytes is { } free ? $", {Figures.Bytes(free)} are free" : "")}");
        foreach (AdapterMisfit problem in check.Problems)
            console.Out.WriteLine(SafeText.Line(problem.Module.Length > 0 ? $"problem     module '{problem.Module}' {problem.Problem}" : problem.Weight is { } tensor ? $"problem     tensor '{tensor}' {problem.Problem}" : $"problem     {problem.Problem}"));
        console.Out.WriteLine(check.Fits ? "fits" : "does not fit");
        console.Out.WriteLine();
    }

    private static void Write(AdapterResult result, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{result.Name}  {result.Rule}  {string.Join(", ", result.Sources)}"));
        ReportTable table = new("Module", "Shape", ">Before", ">Rank", ">Norm", ">Error");
        foreach (AdapterModuleResult module in result.Modules)
            table.Add(module.Name, module.Shape.ToString(), Figures.Count(module.RankBefore), Figures.Count(module.Rank), Figures.Small(module.Norm), Figures.Small(module.RelativeError));
        table.Write(console);
        console.Out.WriteLine($"parameters  {Figures.Count(result.ParametersBefore)} -> {Figures.Count(result.Parameters)}, {Figures.Bytes(result.Bytes)}");
        console.Out.WriteLine($"left out    {Figures.Small(result.RelativeError)} of the norm of all modules together");
        if (result.CalibratedError is { } calibrated)
            console.Out.WriteLine($"calibrated  {Figures.Small(calibrated)} of what the calibrated modules add to their outputs, on the calibration's inputs");
        if (result.Seconds is { } seconds)
            console.Out.WriteLine($"seconds     {Figures.Seconds(seconds)}, reading and writing included");
        WrittenReport.Write(result.Written, result.Path, result.Displaced, result.Note, console);
        console.Out.WriteLine();
    }
}
