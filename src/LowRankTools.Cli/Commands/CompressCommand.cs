using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Compression;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank compress</c>: from a model folder and a text to a smaller model that was judged.</summary>
internal sealed class CompressCommand
{
    private readonly Argument<string[]> _paths = SharedOptions.Paths();
    private readonly Option<bool> _recurse = SharedOptions.Recurse();
    private readonly Option<double?> _keep = SharedOptions.Number<double>("--keep-ratio", "Share of their parameters that the chosen layers keep together, between 0 and 1.", s => s is > 0 and < 1, "a kept share lies between 0 and 1");
    private readonly Option<string?> _method = SharedOptions.Choice("--method", "What layers become: pairs, or pairs that are written in fewer numbers; svd by default.", nameof(FactorMethod.Svd), nameof(FactorMethod.Pivoted));
    private readonly Option<bool> _sequential = new("--sequential") { Description = "Calibrate once more by the plan's ranks, layer after layer, behind those compressed before: nearer to the original, and several times as long." };
    private readonly TextOptions _text = new();
    private readonly Option<string?> _output = new("--output-path") { Description = "A folder in which each model gets a folder of its name; beside the source by default.", HelpName = "folder" };
    private readonly Option<string[]> _include = SharedOptions.Include();
    private readonly Option<string[]> _exclude = SharedOptions.Exclude();
    private readonly Option<double?> _judge = SharedOptions.Number<double>("--judge-share", "Share of the lines by which the result is judged, and on which nothing else is done; 0.1 by default.", s => s is > 0 and < 1, "a share to judge by lies between 0 and 1");
    private readonly TrialOptions _trials = new(0);
    private readonly Option<int?> _steps = SharedOptions.Number<int>("--steps", "Steps of training after the factorization; none by default.", n => n >= 0, "a number of steps is a whole number, not negative");
    private readonly Option<double?> _rate = SharedOptions.Number<double>("--learning-rate", "Largest learning rate of the training; 0.0003 by default.", r => r > 0 && double.IsFinite(r), "a learning rate is above 0");
    private readonly Option<ulong?> _seed = SharedOptions.Number<ulong>("--seed", "Chooses lines, signs and orders; 0 by default.", _ => true, "a seed is a whole number, not negative");
    private readonly Option<bool> _force = new("--force") { Description = "Replace existing output." };
    private readonly Option<bool> _whatIf = new("--what-if") { Description = "Say what would be written, and do nothing." };
    private readonly Option<int?> _threadCount = SharedOptions.ThreadCount();
    private readonly EngineOptions _engine = new();
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create(ConsoleContext console)
    {
        CompressCommand self = new();
        self._keep.Required = true;
        Command command = new("compress", "Make models smaller in one go: calibrate on a text, plan, factorize, train where steps are given, and judge on other lines.") { self._paths, self._recurse, self._keep };
        self._text.AddTo(command);
        foreach (Option option in (Option[])[self._method, self._sequential, self._output, self._include, self._exclude, self._judge, self._steps, self._rate, self._seed, self._force, self._whatIf, self._threadCount])
            command.Add(option);
        self._trials.AddTo(command);
        self._engine.AddTo(command);
        command.Add(self._json);
        command.SetAction(parsed => self.Run(parsed, console));
        return command;
    }

    private int Run(ParseResult parsed, ConsoleContext console)
    {
        CompressOptions options = new()
        {
            Input = _text.Input(parsed),
            KeepRatio = parsed.GetValue(_keep)!.Value,
            Method = parsed.GetValue(_method) is { } method ? Enum.Parse<FactorMethod>(method, ignoreCase: true) : FactorMethod.Svd,
            Sequential = parsed.GetValue(_sequential),
            OutputPath = parsed.GetValue(_output),
            Selection = new LayerSelection { Include = SharedOptions.Patterns(parsed.GetValue(_include)), Exclude = SharedOptions.Patterns(parsed.GetValue(_exclude)) },
            JudgeShare = parsed.GetValue(_judge) ?? 0.1,
            Trials = _trials.Trials(parsed),
            Measure = _trials.Measure(parsed),
            Steps = parsed.GetValue(_steps) ?? 0,
            LearningRate = parsed.GetValue(_rate) ?? 3e-4,
            Pooling = _text.Pooling(parsed),
            BatchSize = _text.BatchSize(parsed),
            Seed = parsed.GetValue(_seed) ?? 0,
            Engine = _engine.Choice(parsed, console),
            ThreadCount = parsed.GetValue(_threadCount) ?? 0,
            Force = parsed.GetValue(_force),
        };
        options.Validate();
        CompressModel operation = new(options);
        OutputClaims claims = new();
        return new ModelRun(console).Each(parsed.GetRequiredValue(_paths), parsed.GetValue(_recurse), source =>
        {
            OutputLocation location = operation.Location(source);
            claims.Claim(location, source);
            if (parsed.GetValue(_whatIf))
            {
                console.Error.WriteLine(SafeText.Line($"Would compress {source.Path} into {location.WeightsPath}"));
                return;
            }
            CompressResult result = ProgressBar.Run(console, progress => operation.Run(source, progress, console.Cancellation));
            if (parsed.GetValue(_json))
                JsonLines.Write(console.Out, result);
            else
                CompressReport.Write(result, console);
        });
    }
}
