using System.CommandLine;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Reports;
using LowRankTools.Core;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank optimize</c>: factorized models trained to do what the original does.</summary>
internal sealed class OptimizeCommand
{
    private readonly Argument<string[]> _paths = SharedOptions.Paths();
    private readonly Option<bool> _recurse = SharedOptions.Recurse();
    private readonly Option<string> _reference = new("--reference-path") { Description = "The original.", HelpName = "path", Required = true };
    private readonly TextOptions _text = new(OptimizeOptions.DefaultBatchSize, "Sequences of a step");
    private readonly Option<string?> _output = new("--output-path") { Description = "A weight file to write, or a folder in which each model gets its own; by default a folder beside the source.", HelpName = "path" };
    private readonly Option<int?> _steps = SharedOptions.Number<int>("--steps", "Steps of the optimizer; 500 by default.", n => n >= 1, "a number of steps is a whole number, at least 1");
    private readonly Option<double?> _rate = SharedOptions.Number<double>("--learning-rate", "Largest learning rate of Adam; 0.0003 by default.", r => r > 0 && double.IsFinite(r), "a learning rate is above 0");
    private readonly Option<string?> _goal = SharedOptions.Choice("--goal", "What the models are brought nearer to; by default the scores of language models, the states and embeddings of encoders.", Enum.GetNames<DistillationGoal>());
    private readonly Option<double?> _temperature = SharedOptions.Number<double>("--temperature", "Temperature of the goal scores; 1 by default.", t => t > 0 && double.IsFinite(t), "a temperature is above 0");
    private readonly Option<bool> _all = new("--train-all") { Description = "Train everything, and not the pairs alone." };
    private readonly Option<double?> _heldOut = SharedOptions.Number<double>("--held-out", "Share of the lines that are not trained on; 0.1 by default.", s => s is >= 0 and < 1, "a held-out share is at least 0 and below 1");
    private readonly Option<string?> _checkpoint = new("--checkpoint-path") { Description = "File to save the training in; where it exists, the training goes on from it.", HelpName = "file" };
    private readonly Option<int?> _every = SharedOptions.Number<int>("--checkpoint-every", "Steps from one saving to the next; 100 by default.", n => n >= 1, "a number of steps is a whole number, at least 1");
    private readonly Option<ulong?> _seed = SharedOptions.Number<ulong>("--seed", "Chooses the held-out lines and the order of the others; 0 by default.", _ => true, "a seed is a whole number, not negative");
    private readonly Option<bool> _force = new("--force") { Description = "Replace existing output." };
    private readonly Option<bool> _whatIf = new("--what-if") { Description = "Say what would be trained and written, and do neither." };
    private readonly Option<int?> _threadCount = SharedOptions.ThreadCount();
    private readonly EngineOptions _engine = new();
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create(ConsoleContext console)
    {
        OptimizeCommand self = new();
        Command command = new("optimize", "Train factorized models to do what the original does on a text; what is stopped goes on from its checkpoint.") { self._paths, self._recurse, self._reference };
        self._text.AddTo(command);
        foreach (Option option in (Option[])[self._output, self._steps, self._rate, self._goal, self._temperature, self._all, self._heldOut, self._checkpoint, self._every, self._seed, self._force, self._whatIf, self._threadCount])
            command.Add(option);
        self._engine.AddTo(command);
        command.Add(self._json);
        command.SetAction(parsed => self.Run(parsed, console));
        return command;
    }

    private int Run(ParseResult parsed, ConsoleContext console)
    {
        OptimizeOptions defaults = new() { Input = _text.Input(parsed) };
        OptimizeOptions options = defaults with
        {
            OutputPath = parsed.GetValue(_output),
            Steps = parsed.GetValue(_steps) ?? defaults.Steps,
            LearningRate = parsed.GetValue(_rate) ?? defaults.LearningRate,
            BatchSize = _text.BatchSize(parsed),
            Goal = parsed.GetValue(_goal) is { } goal ? Enum.Parse<DistillationGoal>(goal, ignoreCase: true) : DistillationGoal.Auto,
            Temperature = parsed.GetValue(_temperature) ?? defaults.Temperature,
            Pooling = _text.Pooling(parsed),
            TrainAll = parsed.GetValue(_all),
            HeldOut = parsed.GetValue(_heldOut) ?? defaults.HeldOut,
            CheckpointPath = parsed.GetValue(_checkpoint),
            CheckpointEvery = parsed.GetValue(_every) ?? defaults.CheckpointEvery,
            Seed = parsed.GetValue(_seed) ?? 0,
            Engine = _engine.Choice(parsed, console),
            ThreadCount = parsed.GetValue(_threadCount) ?? 0,
            Force = parsed.GetValue(_force),
            WhatIf = parsed.GetValue(_whatIf),
        };
        options.Validate();
        if (new ModelRun(console).One(parsed.GetRequiredValue(_reference)) is not { } reference)
            return ExitCode.BadInput;
        OptimizeModel operation = new(options, reference);
        OutputClaims claims = new();
        return new ModelRun(console).Each(parsed.GetRequiredValue(_paths), parsed.GetValue(_recurse), source =>
        {
            claims.Claim(operation.Location(source), source);
            OptimizeResult result = ProgressBar.Run(console, progress => operation.Run(source, progress, console.Cancellation));
            if (parsed.GetValue(_json))
                JsonLines.Write(console.Out, result);
            else
                OptimizeReport.Write(result, console);
        });
    }
}
