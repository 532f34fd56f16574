using LowRankTools.Cli.Output;
using LowRankTools.Core.Speed;

namespace LowRankTools.Cli.Reports;

/// <summary>Timed convolutions as a table under what they were timed on.</summary>
internal static class ConvolutionSpeedReport
{
    public static void Write(IReadOnlyList<ConvolutionSpeed> results, ConsoleContext console)
    {
        if (results.Count == 0)
            return;
        ConvolutionSpeed first = results[0];
        console.Out.WriteLine($"{first.Engine}, {first.InstructionSet}, {Figures.Plural(first.ThreadCount, "thread")}, {Figures.Plural(first.BatchSize, "image")} of {first.ImageSize}, float32");
        ReportTable table = new("Kernel", "Method", ">Ranks", ">Parameters", ">After", ">Dense", ">Chain", ">Times faster", ">By arithmetic");
        foreach (ConvolutionSpeed speed in results)
        {
            table.Add(speed.Name, speed.Method, speed.Ranks.ToString(), Figures.Count(speed.ParametersBefore), Figures.Count(speed.Parameters),
                Figures.Duration(speed.Dense.MedianSeconds), Figures.Duration(speed.Chain.MedianSeconds), Figures.Rate(speed.SpeedUp), Figures.Rate(speed.ArithmeticSpeedUp));
        }
        table.Write(console);
        console.Out.WriteLine("Times are medians of one call with random numbers, stride 1; below 1 the chain is slower than the convolution.");
    }
}
