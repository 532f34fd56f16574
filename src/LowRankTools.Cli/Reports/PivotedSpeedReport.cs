using LowRankTools.Cli.Output;
using LowRankTools.Core.Speed;

namespace LowRankTools.Cli.Reports;

/// <summary>Timed pivoted pairs as a table under what they were timed on.</summary>
internal static class PivotedSpeedReport
{
    public static void Write(IReadOnlyList<PivotedSpeed> results, ConsoleContext console)
    {
        if (results.Count == 0)
            return;
        PivotedSpeed first = results[0];
        console.Out.WriteLine($"{first.Engine}, {first.InstructionSet}, {Figures.Plural(first.ThreadCount, "thread")}, {Figures.Plural(first.BatchSize, "token")}, float32");
        ReportTable table = new("Layer", ">Rank", ">Parameters", ">After", ">Dense", ">Pair", ">Pivoted", ">Times faster", ">By arithmetic");
        foreach (PivotedSpeed speed in results)
        {
            table.Add(speed.Name, Figures.Count(speed.Rank), Figures.Count(speed.ParametersBefore), Figures.Count(speed.Parameters), Figures.Duration(speed.Dense.MedianSeconds),
                Figures.Duration(speed.Pair.MedianSeconds), Figures.Duration(speed.Pivoted.MedianSeconds), Figures.Rate(speed.SpeedUp), Figures.Rate(speed.ArithmeticSpeedUp));
        }
        table.Write(console);
        console.Out.WriteLine("Times are medians of one call with random numbers, all three in turns; below 1 the pivoted pair is slower than the matrix.");
    }
}
