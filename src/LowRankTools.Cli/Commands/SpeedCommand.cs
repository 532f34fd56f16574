using System.CommandLine;
using System.CommandLine.Parsing;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Speed;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank speed</c>: models, or layers by their shapes, dense against low-rank pairs, timed on this machine.</summary>
internal sealed class SpeedCommand
{
    private readonly Argument<string[]> _paths = SharedOptions.Paths(required: false);
    private readonly Option<bool> _recurse = SharedOptions.Recurse();
    private readonly Option<string?> _reference = new("--reference-path") { Description = "A model that takes turns with each of the others and that they are compared with.", HelpName = "path" };
    private readonly Option<MatrixShape[]> _shapes = SharedOptions.Shapes();
    private readonly ConvolutionSpeedGroup _convolutions = new();
    private readonly ContractionSpeedGroup _contractions = new();
    private readonly Option<int[]> _ranks = SharedOptions.Numbers("--rank", "Ranks of the pairs, with commas between them.", "a rank is a whole number, at least 1");
    private readonly Option<int?> _batchSize = SharedOptions.Number<int>("--batch-size", "Sequences that a model reads at once (1 by default), or tokens that a layer is called with (128).", n => n >= 1, "a batch is a whole number, at least 1");
    private readonly Option<int?> _sequenceLength = SharedOptions.Number<int>("--sequence-length", "Tokens of a sequence; by default the network's positions, 512 at most.", n => n >= 1, "a length is a whole number, at least 1");
    private readonly Option<int?> _runs = SharedOptions.Number<int>("--runs", "Timed runs; by default as many as steady medians take.", n => n >= 1, "a number of runs is a whole number, at least 1");
    private readonly Option<bool> _skipBreakEven = new("--skip-break-even") { Description = "With --shape: leave out the search for the rank at which pairs stop being faster." };
    private readonly Option<int?> _threadCount = SharedOptions.ThreadCount();
    private readonly EngineOptions _engine = new();
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create(ConsoleContext console)
    {
        SpeedCommand self = new();
        Command command = new("speed", "Time models, or layers by their shapes, dense against low-rank pairs on this machine.")
        {
            self._paths, self._recurse, self._reference, self._shapes, self._ranks, self._batchSize, self._sequenceLength, self._runs, self._skipBreakEven, self._threadCount,
        };
        self._convolutions.AddTo(command);
        self._contractions.AddTo(command);
        self._engine.AddTo(command);
        command.Add(self._json);
        command.Validators.Add(self.Check);
        command.SetAction(parsed => self.Run(parsed, console));
        return command;
    }

    private int Run(ParseResult parsed, ConsoleContext console)
    {
        bool json = parsed.GetValue(_json);
        if (_contractions.IsAsked(parsed))
            return _contractions.Run(parsed, Contractions(parsed, console), console, json);
        if (_convolutions.IsAsked(parsed))
            return _convolutions.Run(parsed, Convolutions(parsed, console), console, json);
        if (parsed.GetValue(_shapes) is not { Length: > 0 } shapes)
            return Models(parsed, console);
        return _convolutions.Method(parsed) switch
        {
            FactorMethod.TensorTrain => _convolutions.RunTrains(parsed, Trains(parsed, console), shapes, console, json),
            FactorMethod.Pivoted => _convolutions.RunPivoted(parsed, Pivoted(parsed, console), shapes, console, json),
            _ => Layers(shapes, parsed, console),
        };
    }

    private void Check(CommandResult result)
    {
        if (_contractions.IsAsked(result))
        {
            _contractions.Check(result);
            if (_convolutions.IsAsked(result) || result.GetResult(_shapes) is not null || result.GetResult(_paths)?.Tokens.Count > 0 || result.GetResult(_reference) is not null)
                result.AddError("--input-shape is measured alone.");
            return;
        }
        if (_convolutions.SplitsInVain(result))
            result.AddError("--mode-split is for --method tensortrain.");
        if (_convolutions.IsAsked(result))
        {
            if (result.GetResult(_shapes) is not null || result.GetResult(_paths)?.Tokens.Count > 0 || result.GetResult(_reference) is not null || result.GetResult(_ranks) is not null)
                result.AddError("--kernel is measured alone, at a --keep-ratio.");
            return;
        }
        bool layers = result.GetResult(_shapes) is not null;
        if (layers == (result.GetResult(_paths)?.Tokens.Count > 0))
            result.AddError("Give paths of models, or --shape.");
        else if (layers && (result.GetResult(_reference) is not null || result.GetResult(_sequenceLength) is not null))
            result.AddError("--reference-path and --sequence-length are for models.");
    }

    private int Models(ParseResult parsed, ConsoleContext console)
    {
        ModelSpeedOptions options = new()
        {
            Ranks = parsed.GetValue(_ranks) ?? [],
            BatchSize = parsed.GetValue(_batchSize) ?? 1,
            SequenceLength = parsed.GetValue(_sequenceLength),
            Engine = _engine.Choice(parsed, console),
            ThreadCount = parsed.GetValue(_threadCount) ?? 0,
        };
        MeasureModelSpeed operation = new(options with { Timing = Timing(options.Timing, parsed) });
        ModelSource? reference = null;
        if (parsed.GetValue(_reference) is { } path && (reference = new ModelRun(console).One(path)) is null)
            return ExitCode.BadInput;
        return new ModelRun(console).Each(parsed.GetRequiredValue(_paths), parsed.GetValue(_recurse), source =>
        {
            ModelSource[] models = reference is null ? [source] : [reference, source];
            IReadOnlyList<ModelSpeed> results = ProgressBar.Run(console, progress => operation.Run(models, progress, console.Cancellation));
            if (!parsed.GetValue(_json))
                ModelSpeedReport.Write(results, console);
            else
                results.ToList().ForEach(speed => JsonLines.Write(console.Out, speed));
            console.Out.Flush();
        });
    }

    private int Layers(MatrixShape[] shapes, ParseResult parsed, ConsoleContext console)
    {
        MeasureLayerSpeed operation = new(new LayerSpeedOptions
        {
            Ranks = parsed.GetValue(_ranks) ?? [],
            BatchSize = parsed.GetValue(_batchSize) ?? LayerSpeedOptions.DefaultBatchSize,
            FindBreakEven = !parsed.GetValue(_skipBreakEven),
            Engine = _engine.Choice(parsed, console),
            ThreadCount = parsed.GetValue(_threadCount) ?? 0,
            Timing = Timing(new TimingOptions(), parsed),
        });
        Attempts attempts = new(console);
        List<LayerSpeed> results = [];
        foreach (MatrixShape shape in shapes)
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

    private ConvolutionSpeedOptions Convolutions(ParseResult parsed, ConsoleContext console) => new()
    {
        BatchSize = parsed.GetValue(_batchSize) ?? 1,
        Engine = _engine.Choice(parsed, console),
        ThreadCount = parsed.GetValue(_threadCount) ?? 0,
        Timing = Timing(new TimingOptions(), parsed),
    };

    private ContractionSpeedOptions Contractions(ParseResult parsed, ConsoleContext console) => new()
    {
        Ranks = parsed.GetValue(_ranks) ?? [],
        KeepRatio = _convolutions.KeepRatio(parsed) ?? 0.5,
        BatchSize = parsed.GetValue(_batchSize) ?? LayerSpeedOptions.DefaultBatchSize,
        Engine = _engine.Choice(parsed, console),
        ThreadCount = parsed.GetValue(_threadCount) ?? 0,
        Timing = Timing(new TimingOptions(), parsed),
    };

    private TrainSpeedOptions Trains(ParseResult parsed, ConsoleContext console) => new()
    {
        Ranks = parsed.GetValue(_ranks) ?? [],
        BatchSize = parsed.GetValue(_batchSize) ?? LayerSpeedOptions.DefaultBatchSize,
        Engine = _engine.Choice(parsed, console),
        ThreadCount = parsed.GetValue(_threadCount) ?? 0,
        Timing = Timing(new TimingOptions(), parsed),
    };

    private PivotedSpeedOptions Pivoted(ParseResult parsed, ConsoleContext console) => new()
    {
        Ranks = parsed.GetValue(_ranks) ?? [],
        BatchSize = parsed.GetValue(_batchSize) ?? LayerSpeedOptions.DefaultBatchSize,
        Engine = _engine.Choice(parsed, console),
        ThreadCount = parsed.GetValue(_threadCount) ?? 0,
        Timing = Timing(new TimingOptions(), parsed),
    };

    private TimingOptions Timing(TimingOptions timing, ParseResult parsed) => parsed.GetValue(_runs) is { } runs ? timing.WithRuns(runs) : timing;
}
