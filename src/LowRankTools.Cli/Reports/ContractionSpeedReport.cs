using LowRankTools.Cli.Output;
using LowRankTools.Core.Speed;

namespace LowRankTools.Cli.Reports;

/// <summary>Timed contraction and regression layers as a table under what they were timed on.</summary>
internal static class ContractionSpeedReport
{
    public static void Write(IReadOnlyList<ContractionSpeed> results, ConsoleContext console)
    {
        if (results.Count == 0)
            return;
        ContractionSpeed first = results[0];
        console.Out.WriteLine($"{first.Name}: {first.Engine}, {first.InstructionSet}, {Figures.Plural(first.ThreadCount, "thread")}, {Figures.Plural(first.BatchSize, "activation")}, float32");
        ReportTable table = new("Layer", ">Ranks", ">Parameters", ">After", ">Dense", ">Factored", ">Times faster", ">By arithmetic");
        foreach (ContractionSpeed speed in results)
        {
            table.Add(speed.Method.ToString(), speed.Ranks?.ToString() ?? "", Figures.Count(speed.ParametersBefore), Figures.Count(speed.Parameters),
                Figures.Duration(speed.Dense.MedianSeconds), Figures.Duration(speed.Factored.MedianSeconds), Figures.Rate(speed.SpeedUp), Figures.Rate(speed.ArithmeticSpeedUp));
        }
        table.Write(console);
        console.Out.WriteLine("Times are medians of one call with random numbers; below 1 the factors are slower than flattening and a dense layer.");
    }
}
