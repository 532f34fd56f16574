using LowRankTools.Cli.Output;
using LowRankTools.Core.Text;
using LowRankTools.Core.Training;

namespace LowRankTools.Cli.Reports;

/// <summary>A training, as a few lines.</summary>
internal static class OptimizeReport
{
    public static void Write(OptimizeResult result, ConsoleContext console) => Write(result, $"{result.Source} towards {result.Reference}, {result.Goal}", console);

    public static void Write(OptimizeAdapterResult result, ConsoleContext console)
    {
        string adapter = result.Adapter is { } path ? $"adapter {path}" : "a new adapter";
        Write(result, $"{adapter} of {Figures.Plural(result.Modules, "module")}, rank {Figures.Count(result.Rank)}, beside {result.Source}{(result.Reference is { } original ? $" towards {original}" : "")}, {result.Goal}", console);
    }

    private static void Write(TrainingResult result, string what, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{result.Name}  {what}"));
        console.Out.WriteLine(SafeText.Line($"trained on  {Figures.Plural(result.Lines, "line")} of {result.Text}, {Figures.Plural(result.HeldOutLines, "line")} held out"));
        console.Out.WriteLine($"parameters  {Figures.Count(result.TrainedParameters)} of {Figures.Count(result.Parameters)}, {Figures.Plural(result.Steps, "step")}{(result.ResumedAt > 0 ? $", from step {Figures.Count(result.ResumedAt)} on" : "")}");
        if (result.LossBefore is { } before)
            console.Out.WriteLine($"loss        {Figures.Small(before)} -> {Figures.Small(result.LossAfter)}, of the held-out lines");
        if (result.Seconds is { } seconds)
            console.Out.WriteLine($"seconds     {Figures.Seconds(seconds)}, reading and writing included");
        WrittenReport.Write(result.Written, result.Path, result.Displaced, result.Note, console);
        console.Out.WriteLine();
    }
}
