using System.CommandLine;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Reports;
using LowRankTools.Core;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank speed</c>: layers against their low-rank pairs, timed on this machine.</summary>
internal sealed class SpeedCommand
{
    private readonly Option<MatrixShape[]> _shapes = SharedOptions.Shapes();
    private readonly Option<int[]> _ranks = SharedOptions.Numbers("--rank", "Ranks of the pairs, with commas between them; by default the one that keeps half of the parameters.", "a rank is a whole number, at least 1");
    private readonly Option<int?> _batchSize = SharedOptions.Number<int>("--batch-size", "Tokens that a layer is called with; 128 by default.", n => n >= 1, "a number of tokens is a whole number, at least 1");
    private readonly Option<int?> _runs = SharedOptions.Number<int>("--runs", "Timed runs; by default as many as steady medians take.", n => n >= 1, "a number of runs is a whole number, at least 1");
    private readonly Option<bool> _skipBreakEven = new("--skip-break-even") { Description = "Leave out the search for the rank at which pairs stop being faster." };
    private readonly Option<int?> _threadCount = SharedOptions.ThreadCount();
    private readonly EngineOptions _engine = new();
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create(ConsoleContext console)
    {
        SpeedCommand self = new();
        Command command = new("speed", "Time layers against their low-rank pairs on this machine.") { self._shapes, self._ranks, self._batchSize, self._runs, self._skipBreakEven, self._threadCount };
        self._engine.AddTo(command);
        command.Add(self._json);
        command.SetAction(parsed => self.Run(parsed, console));
        return command;
    }

    private int Run(ParseResult parsed, ConsoleContext console)
    {
        TimingOptions timing = new();
        MeasureLayerSpeed operation = new(new LayerSpeedOptions
        {
            Ranks = parsed.GetValue(_ranks) ?? [],
            BatchSize = parsed.GetValue(_batchSize) ?? LayerSpeedOptions.DefaultBatchSize,
            FindBreakEven = !parsed.GetValue(_skipBreakEven),
            Engine = _engine.Choice(parsed, console),
            ThreadCount = parsed.GetValue(_threadCount) ?? 0,
            Timing = parsed.GetValue(_runs) is { } runs ? timing.WithRuns(runs) : timing,
        });
        Attempts attempts = new(console);
        List<LayerSpeed> results = [];
        foreach (MatrixShape shape in parsed.GetRequiredValue(_shapes))
        {
            attempts.Try(shape.ToString(), () => results.AddRange(
                ProgressBar.Run(console, progress => operation.Run(MeasuredLayer.Of(shape), progress, console.Cancellation))));
        }
        if (parsed.GetValue(_json))
            results.ForEach(speed => JsonLines.Write(console.Out, speed));
        else
            LayerSpeedReport.Write(results, console);
        return attempts.Code;
    }
}
