using System.Globalization;
using LowRankTools.Core;

namespace LowRankTools.Cli.Reports;

/// <summary>Timed layers as a table under what they were timed on.</summary>
internal static class LayerSpeedReport
{
    public static void Write(IReadOnlyList<LayerSpeed> results, ConsoleContext console)
    {
        if (results.Count == 0)
            return;
        LayerSpeed first = results[0];
        console.Out.WriteLine($"{first.Engine}, {first.InstructionSet}, {Figures.Plural(first.ThreadCount, "thread")}, {Figures.Plural(first.BatchSize, "token")}, float32");
        ReportTable table = new("Layer", ">Rank", ">Dense", ">Spread", ">Pair", ">Spread", ">Runs", ">Times faster", ">By arithmetic",
            ">MFLOP dense", ">pair", ">MB dense", ">pair", ">GFLOP/s dense", ">pair", ">Break-even rank", ">measured");
        foreach (LayerSpeed speed in results)
        {
            table.Add(speed.Name, Number(speed.Rank), Figures.Duration(speed.Dense.MedianSeconds), Figures.Percent(speed.Dense.Spread),
                Figures.Duration(speed.Pair.MedianSeconds), Figures.Percent(speed.Pair.Spread), Number(speed.Dense.Runs), Figures.Rate(speed.SpeedUp), Figures.Rate(speed.ArithmeticSpeedUp),
                Figures.Rate(speed.DenseWork.Flops / 1e6), Figures.Rate(speed.PairWork.Flops / 1e6), Megabytes(speed.DenseWork), Megabytes(speed.PairWork),
                Figures.Rate(speed.DenseGigaflops), Figures.Rate(speed.PairGigaflops), Number(speed.BreakEvenRank), speed.MeasuredBreakEvenRank is { } rank ? Number(rank) : "");
        }
        table.Write(console);
        console.Out.WriteLine("Times are medians for all tokens, the spread is the interquartile range over the median; MB must move at least.");
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Megabytes(LayerWork work) => Figures.Rate(work.Bytes / (double)(1 << 20));
}
