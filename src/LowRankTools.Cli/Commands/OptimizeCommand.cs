using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Output;
using LowRankTools.Core.Training;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank optimize</c>: factorized models trained to do what the original does.</summary>
internal sealed class OptimizeCommand
{
    private readonly Argument<string[]> _paths = SharedOptions.Paths();
    private readonly Option<bool> _recurse = SharedOptions.Recurse();
    private readonly Option<string> _reference = new("--reference-path") { Description = "The original.", HelpName = "path", Required = true };
    private readonly TrainingOptionsGroup _training = new();
    private readonly Option<string?> _output = new("--output-path") { Description = "A weight file to write, or a folder in which each model gets its own; by default a folder beside the source.", HelpName = "path" };
    private readonly Option<bool> _all = new("--train-all") { Description = "Train everything, and not the pairs alone." };
    private readonly Option<bool> _force = new("--force") { Description = "Replace existing output." };
    private readonly Option<bool> _whatIf = new("--what-if") { Description = "Say what would be trained and written, and do neither." };
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create(ConsoleContext console)
    {
        OptimizeCommand self = new();
        Command command = new("optimize", "Train factorized models to do what the original does on a text; what is stopped goes on from its checkpoint.") { self._paths, self._recurse, self._reference };
        self._training.AddTo(command);
        foreach (Option option in (Option[])[self._output, self._all, self._force, self._whatIf])
            command.Add(option);
        command.Add(self._json);
        command.SetAction(parsed => self.Run(parsed, console));
        return command;
    }

    private int Run(ParseResult parsed, ConsoleContext console)
    {
        OptimizeOptions options = _training.With(new OptimizeOptions
        {
            Input = _training.Input(parsed),
            OutputPath = parsed.GetValue(_output),
            TrainAll = parsed.GetValue(_all),
            Force = parsed.GetValue(_force),
            WhatIf = parsed.GetValue(_whatIf),
        }, parsed, console);
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
