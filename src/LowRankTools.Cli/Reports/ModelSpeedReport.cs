using System.Globalization;
using LowRankTools.Cli.Output;
using LowRankTools.Core.Speed;

namespace LowRankTools.Cli.Reports;

/// <summary>Timed models as a table under what they were timed on.</summary>
internal static class ModelSpeedReport
{
    public static void Write(IReadOnlyList<ModelSpeed> results, ConsoleContext console)
    {
        console.Out.WriteLine(On(results[0]));
        Table(results).Write(console);
        console.Out.WriteLine(Note);
        console.Out.WriteLine();
    }

    /// <summary>What the columns mean.</summary>
    public const string Note = "Forward is the median, spread the interquartile range over it; GFLOP are those of products and attention; peak is the parameters and all else that a run held, where the embedded engine computed.";

    /// <summary>What was timed on what.</summary>
    public static string On(ModelSpeed speed) =>
        $"{speed.Engine}, {speed.InstructionSet}, {Figures.Plural(speed.ThreadCount, "thread")}, batch of {Figures.Count(speed.BatchSize)}, {Figures.Plural(speed.Tokens, "token")}, "
        + $"{Figures.Plural(speed.Times.Runs, "run")} in turns after {Figures.Count(speed.Times.WarmUpRuns)} to warm up";

    /// <summary>The table alone.</summary>
    public static ReportTable Table(IReadOnlyList<ModelSpeed> results)
    {
        ReportTable table = new("Model", "Form", ">Parameters", ">Forward", ">Spread", ">Tokens/s", ">Times faster", ">GFLOP", ">GFLOP/s", ">Peak");
        foreach (ModelSpeed speed in results)
        {
            table.Add(speed.Name, Form(speed), Figures.Count(speed.Parameters), Figures.Duration(speed.Times.MedianSeconds), Figures.Percent(speed.Times.Spread),
                Figures.Count((long)speed.TokensPerSecond), speed.SpeedUp is { } times ? Figures.Rate(times) : "", Figures.Rate(speed.Work.Flops / 1e9), Figures.Rate(speed.Gigaflops),
                speed.PeakBytes is { } peak ? Figures.Bytes(peak) : "");
        }
        return table;
    }

    private static string Form(ModelSpeed speed) =>
        speed.Rank is { } rank ? string.Create(CultureInfo.InvariantCulture, $"rank {rank}")
        : speed.Pairs > 0 ? Figures.Plural(speed.Pairs, "pair") : "dense";
}
