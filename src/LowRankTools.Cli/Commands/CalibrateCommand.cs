using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Calibration.Collecting;
using LowRankTools.Core.Output;
using LowRankTools.Core.Planning;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank calibrate</c>: calibration files from running models and a text.</summary>
internal sealed class CalibrateCommand
{
    private readonly Argument<string[]> _paths = SharedOptions.Paths();
    private readonly Option<bool> _recurse = SharedOptions.Recurse();
    private readonly TextOptions _text = new();
    private readonly Option<string?> _output = new("--output-path") { Description = "The .safetensors file to write; by default one called after the model.", HelpName = "file" };
    private readonly Option<string?> _gradient = SharedOptions.Choice("--gradient", "What the gradients at the layers' outputs are those of; by default the next token's loss or a projection of the embedding.", Enum.GetNames<GradientSource>());
    private readonly Option<bool> _weightGradient = new("--weight-gradient") { Description = "Collect the loss's gradients at the weights too, for plans by --weighting firstorder." };
    private readonly Option<string?> _plan = new("--plan") { Description = "A plan of lowrank plan: collect what its layers are fed once those before them are compressed.", HelpName = "file" };
    private readonly Option<double?> _heldOut = SharedOptions.Number<double>("--held-out", "Share of the lines that nothing will be fitted on; 0.1 by default.", s => s is >= 0 and < 1, "a held-out share is at least 0 and below 1");
    private readonly Option<string?> _checkpoint = new("--checkpoint-path") { Description = "File to save the sums in; where it exists, the collection goes on from it, and it is gone when the calibration is written.", HelpName = "file" };
    private readonly Option<int?> _every = SharedOptions.Number<int>("--checkpoint-every", "Batches from one saving to the next; 50 by default.", n => n >= 1, "a number of batches is a whole number, at least 1");
    private readonly Option<ulong?> _seed = SharedOptions.Number<ulong>("--seed", "Chooses the held-out lines and the signs of projections; 0 by default.", _ => true, "a seed is a whole number, not negative");
    private readonly Option<bool> _force = new("--force") { Description = "Replace an existing file." };
    private readonly Option<bool> _whatIf = new("--what-if") { Description = "Say what would be written, and write nothing." };
    private readonly Option<int?> _threadCount = SharedOptions.ThreadCount();
    private readonly EngineOptions _engine = new();
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create(ConsoleContext console)
    {
        CalibrateCommand self = new();
        Command command = new("calibrate", "Run models on a text and write calibration files: what their layers are fed, and what a change of their outputs does.") { self._paths, self._recurse };
        self._text.AddTo(command);
        foreach (Option option in (Option[])[self._output, self._gradient, self._weightGradient, self._plan, self._heldOut, self._checkpoint, self._every, self._seed, self._force, self._whatIf, self._threadCount])
            command.Add(option);
        self._engine.AddTo(command);
        command.Add(self._json);
        command.SetAction(parsed => self.Run(parsed, console));
        return command;
    }

    private int Run(ParseResult parsed, ConsoleContext console)
    {
        ExportCalibration operation = new(new ExportCalibrationOptions
        {
            Input = _text.Input(parsed),
            OutputPath = parsed.GetValue(_output),
            HeldOut = parsed.GetValue(_heldOut) ?? 0.1,
            Gradients = parsed.GetValue(_gradient) is { } name ? Enum.Parse<GradientSource>(name, ignoreCase: true) : GradientSource.Auto,
            WeightGradients = parsed.GetValue(_weightGradient),
            Plan = parsed.GetValue(_plan) is { } plan ? RankPlanFile.Read(Path.GetFullPath(plan)) : null,
            Pooling = _text.Pooling(parsed),
            BatchSize = _text.BatchSize(parsed),
            CheckpointPath = parsed.GetValue(_checkpoint),
            CheckpointEvery = parsed.GetValue(_every) ?? 50,
            Seed = parsed.GetValue(_seed) ?? 0,
            Engine = _engine.Choice(parsed, console),
            ThreadCount = parsed.GetValue(_threadCount) ?? 0,
            Force = parsed.GetValue(_force),
            WhatIf = parsed.GetValue(_whatIf),
        });
        OutputClaims claims = new();
        return new ModelRun(console).Each(parsed.GetRequiredValue(_paths), parsed.GetValue(_recurse), source =>
        {
            claims.Claim(operation.Location(source), source);
            CalibrationResult result = ProgressBar.Run(console, progress => operation.Run(source, progress, console.Cancellation));
            if (parsed.GetValue(_json))
                JsonLines.Write(console.Out, result);
            else
                CalibrationReport.Write(result, console);
        });
    }
}
