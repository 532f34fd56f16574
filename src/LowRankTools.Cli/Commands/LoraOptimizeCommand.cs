using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Training;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank lora optimize</c>: adapters trained beside the frozen weights of models.</summary>
internal sealed class LoraOptimizeCommand
{
    private readonly Argument<string[]> _paths = SharedOptions.Paths();
    private readonly Option<bool> _recurse = SharedOptions.Recurse();
    private readonly Option<string?> _adapter = new("--adapter-path") { Description = "The adapter to train: a file, or a folder that holds one.", HelpName = "path" };
    private readonly Option<int?> _rank = SharedOptions.Number<int>("--rank", "Components of every module of a new adapter, in place of one that is there.", r => r >= 1, "a rank is a whole number, at least 1");
    private readonly Option<double?> _alpha = SharedOptions.Number<double>("--alpha", "Numerator of the scale: of a new adapter, the rank by default, or of one that does not say its own.", a => double.IsFinite(a) && a != 0, "an alpha is a number other than zero");
    private readonly Option<string[]> _include = SharedOptions.Include(), _exclude = SharedOptions.Exclude();
    private readonly Option<bool> _dora = new("--dora") { Description = "Train the lengths of the weights' rows apart from their directions (DoRA), in a new adapter." };
    private readonly Option<string?> _reference = new("--reference-path") { Description = "A model whose answers are learned; the text or labels by default.", HelpName = "path" };
    private readonly TrainingOptionsGroup _training = new();
    private readonly Option<string?> _output = new("--output-path") { Description = "A folder in PEFT's layout or a .safetensors file in kohya's; by default beside the adapter or the model.", HelpName = "path" };
    private readonly Option<bool> _force = new("--force") { Description = "Replace an existing adapter." };
    private readonly Option<bool> _whatIf = new("--what-if") { Description = "Say what would be trained and written, and do neither." };
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create(ConsoleContext console)
    {
        LoraOptimizeCommand self = new();
        Command command = new("optimize", "Train adapters beside the frozen weights of models on a text; what is stopped goes on from its checkpoint.")
        {
            self._paths, self._recurse, self._adapter, self._rank, self._alpha, self._include, self._exclude, self._dora, self._reference,
        };
        self._training.AddTo(command);
        foreach (Option option in (Option[])[self._output, self._force, self._whatIf, self._json])
            command.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetResult(self._adapter) is null == result.GetResult(self._rank) is null)
                result.AddError("Give exactly one of --adapter-path and --rank.");
        });
        command.SetAction(parsed => self.Run(parsed, console));
        return command;
    }

    private int Run(ParseResult parsed, ConsoleContext console)
    {
        if (!One(parsed, _adapter, console, out ModelSource? adapter) || !One(parsed, _reference, console, out ModelSource? reference))
            return ExitCode.BadInput;
        LayerSelection selection = new() { Include = SharedOptions.Patterns(parsed.GetValue(_include)), Exclude = SharedOptions.Patterns(parsed.GetValue(_exclude)) };
        OptimizeAdapterOptions options = _training.With(new OptimizeAdapterOptions
        {
            Input = _training.Input(parsed),
            Adapter = adapter,
            Alpha = parsed.GetValue(_alpha),
            New = parsed.GetValue(_rank) is { } rank ? new NewAdapterOptions { Rank = rank, Alpha = parsed.GetValue(_alpha), Selection = selection, Dora = parsed.GetValue(_dora) } : null,
            Reference = reference,
            Output = new AdapterOutputOptions { OutputPath = parsed.GetValue(_output), Force = parsed.GetValue(_force), WhatIf = parsed.GetValue(_whatIf) },
        }, parsed, console);
        options.Validate();
        OptimizeAdapter operation = new(options);
        OutputClaims claims = new();
        return new ModelRun(console).Each(parsed.GetRequiredValue(_paths), parsed.GetValue(_recurse), source =>
        {
            claims.Claim(operation.Location(source), source);
            OptimizeAdapterResult result = ProgressBar.Run(console, progress => operation.Run(source, progress, console.Cancellation));
            if (parsed.GetValue(_json))
                JsonLines.Write(console.Out, result);
            else
                OptimizeReport.Write(result, console);
        });
    }

    private static bool One(ParseResult parsed, Option<string?> option, ConsoleContext console, out ModelSource? found)
    {
        found = null;
        return parsed.GetValue(option) is not { } path || (found = new ModelRun(console).One(path)) is not null;
    }
}
