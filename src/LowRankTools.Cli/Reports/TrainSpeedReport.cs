using LowRankTools.Cli.Output;
using LowRankTools.Core.Speed;

namespace LowRankTools.Cli.Reports;

/// <summary>Timed TT-matrices as a table under what they were timed on.</summary>
internal static class TrainSpeedReport
{
    public static void Write(IReadOnlyList<TrainSpeed> results, ConsoleContext console)
    {
        if (results.Count == 0)
            return;
        TrainSpeed first = results[0];
        console.Out.WriteLine($"{first.Engine}, {first.InstructionSet}, {Figures.Plural(first.ThreadCount, "thread")}, {Figures.Plural(first.BatchSize, "token")}, float32");
        ReportTable table = new("Layer", ">Ranks", ">Parameters", ">After", ">Dense", ">Train", ">Times faster", ">By arithmetic", "Order");
        foreach (TrainSpeed speed in results)
        {
            table.Add(speed.Name, speed.Ranks.ToString(), Figures.Count(speed.ParametersBefore), Figures.Count(speed.Parameters),
                Figures.Duration(speed.Dense.MedianSeconds), Figures.Duration(speed.Train.MedianSeconds), Figures.Rate(speed.SpeedUp), Figures.Rate(speed.ArithmeticSpeedUp), speed.Order);
        }
        table.Write(console);
        console.Out.WriteLine("Times are medians of one call with random numbers; below 1 the cores are slower than the matrix.");
    }
}
