using System.CommandLine;
using System.CommandLine.Parsing;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Text;
using LowRankTools.Networks.Architectures;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank new</c>: writes a transformer with made-up weights.</summary>
internal sealed class NewCommand
{
    private readonly Option<string?> _preset = SharedOptions.Choice("--preset", "Configuration by name.", [.. TransformerPresets.All.Select(p => p.Name)]);
    private readonly Option<string?> _config = new("--config-path") { Description = "A config.json, or a folder that holds one.", HelpName = "path" };
    private readonly Option<string> _output = new("--output-path") { Description = "Folder of the model.", HelpName = "folder", Required = true };
    private readonly Option<int?> _seed = SharedOptions.Number<int>("--seed", "Chooses the weights; 0 by default.", n => n >= 0, "a seed is a whole number, not negative");
    private readonly Option<bool> _force = new("--force") { Description = "Replace an existing model." };
    private readonly Option<bool> _whatIf = new("--what-if") { Description = "Say what would be written, and write nothing." };
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create(ConsoleContext console)
    {
        NewCommand self = new();
        Command command = new("new", "Write a transformer with made-up weights: something to count, factorize and time.")
        {
            self._preset, self._config, self._output, self._seed, self._force, self._whatIf, self._json,
        };
        command.Validators.Add(self.Check);
        command.SetAction(parsed => self.Run(parsed, console));
        return command;
    }

    private void Check(CommandResult result)
    {
        if ((result.GetResult(_preset) is null) == (result.GetResult(_config) is null))
            result.AddError("Give exactly one of --preset and --config-path.");
    }

    private int Run(ParseResult parsed, ConsoleContext console)
    {
        Attempts attempts = new(console);
        string folder = Path.GetFullPath(parsed.GetRequiredValue(_output));
        attempts.Try(folder, () =>
        {
            TransformerConfig config = parsed.GetValue(_preset) is { } preset ? TransformerPresets.Get(preset) : TransformerConfigs.Read(parsed.GetRequiredValue(_config)!);
            ModelFolder model = new(config) { Seed = parsed.GetValue(_seed) ?? 0, Force = parsed.GetValue(_force) };
            if (parsed.GetValue(_whatIf))
            {
                console.Error.WriteLine(SafeText.Line($"Would write a model of {Figures.Count(model.CountParameters())} parameters ({config.ModelType}) into {folder}"));
                return;
            }
            ParameterCount count = CountParameters.Run(ProgressBar.Run(console, progress => model.Write(folder, progress, console.Cancellation)));
            if (parsed.GetValue(_json))
                JsonLines.Write(console.Out, count);
            else
                CountReport.Write([count], console);
        });
        return attempts.Code;
    }
}
