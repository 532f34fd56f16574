using System.Globalization;
using LowRankTools.Cli.Output;
using LowRankTools.Core.Speed;

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
        Times(results).Write(console);
        console.Out.WriteLine();
        Work(results).Write(console);
        console.Out.WriteLine("Times are medians for all tokens, the spread is the interquartile range over the median; MB must move at least.");
    }

    private static ReportTable Times(IReadOnlyList<LayerSpeed> results)
    {
        ReportTable table = new("Layer", ">Rank", ">Dense", ">Pair", ">Times faster", ">By arithmetic", ">Break-even rank", ">Arithmetic one");
        foreach (LayerSpeed speed in results)
        {
            table.Add(speed.Name, Number(speed.Rank), Figures.Duration(speed.Dense.MedianSeconds), Figures.Duration(speed.Pair.MedianSeconds), Figures.Rate(speed.SpeedUp),
                Figures.Rate(speed.ArithmeticSpeedUp), speed.MeasuredBreakEvenRank is { } rank ? Number(rank) : "", Number(speed.BreakEvenRank));
        }
        return table;
    }

    private static ReportTable Work(IReadOnlyList<LayerSpeed> results)
    {
        ReportTable table = new("Layer", "Form", ">MFLOP", ">MB", ">GFLOP/s", ">Spread", ">Runs");
        foreach (LayerSpeed speed in results)
        {
            if (table.Rows.Count == 0 || table.Rows[^1][0] != speed.Name)
                Add(table, speed.Name, "dense", speed.DenseWork, speed.DenseGigaflops, speed.Dense);
            Add(table, speed.Name, string.Create(CultureInfo.InvariantCulture, $"rank {speed.Rank}"), speed.PairWork, speed.PairGigaflops, speed.Pair);
        }
        return table;
    }

    private static void Add(ReportTable table, string layer, string form, LayerWork work, double gigaflops, RunTimes times) => table.Add(layer, form,
        Figures.Rate(work.Flops / 1e6), Figures.Rate(work.Bytes / (double)(1 << 20)), Figures.Rate(gigaflops), Figures.Percent(times.Spread), Number(times.Runs));

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
