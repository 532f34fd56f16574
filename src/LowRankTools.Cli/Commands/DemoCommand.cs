using System.CommandLine;
using System.Diagnostics;
using LowRankTools.Cli.Errors;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core;
using LowRankTools.Core.Comparison;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Demo;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Speed;
using LowRankTools.Core.Text;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank demo</c>: the whole road on a transformer that it makes on the spot.</summary>
internal sealed class DemoCommand
{
    private const int Rank = 64;
    private const int SequenceLength = 1024;

    /// <summary>On a slow machine a demonstration is over sooner with these.</summary>
    private const int FewestRuns = 3;

    private const string ModelFolder = "transformer";

    private readonly Argument<string?> _folder = new("FOLDER")
    {
        Description = "Where the models go; by default lowrank-demo in the folder for temporary files.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<bool> _json = SharedOptions.Json();
    private readonly Option<bool> _force = new("--force") { Description = "Replace models of these names in FOLDER." };

    public static Command Create(ConsoleContext console)
    {
        DemoCommand self = new();
        self._folder.Validators.Add(SharedOptions.RefuseOptions);
        Command command = new("demo", "Make a transformer of 45,555,200 parameters, count it, factorize it, merge it back, compare, and time both forms.") { self._folder, self._force, self._json };
        command.SetAction(parsed => self.Run(parsed, console));
        return command;
    }

    private int Run(ParseResult parsed, ConsoleContext console)
    {
        string? wanted = parsed.GetValue(_folder);
        string folder = Path.GetFullPath(wanted ?? Path.Combine(Path.GetTempPath(), "lowrank-demo"));
        try
        {
            DemoRun run = Make(folder, force: wanted is null || parsed.GetValue(_force), console);
            if (parsed.GetValue(_json))
                WriteJson(run, console);
            else
                DemoReport.Write(run, console);
            return ExitCode.Success;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            console.Error.WriteLine(ErrorLine.Of(folder, e));
            return ExitCode.BadInput;
        }
    }

    private static DemoRun Make(string folder, bool force, ConsoleContext console)
    {
        string source = Path.Combine(folder, ModelFolder);
        if (!force && Path.Exists(source))
            throw new LowRankToolsException(CoreErrors.OutputExists, $"{source}: the output exists.", "Use -Force to replace it, or name another folder.");
        console.Error.WriteLine(SafeText.Line($"Writing models to {folder}"));
        Stopwatch clock = Stopwatch.StartNew();
        ModelSource dense = Model(DemoTransformer.Write(source, console.Cancellation));
        double written = clock.Elapsed.TotalSeconds;

        clock.Restart();
        ParameterCount count = CountParameters.Run(dense, detailed: true);
        double counted = clock.Elapsed.TotalSeconds;

        FactorizeModel factorize = new(new FactorizeOptions { Rule = new RankRule.Fixed(Rank), FirstBias = true, Force = true });
        FactorizationResult pairs = ProgressBar.Run(console, p => factorize.Run(dense, p, console.Cancellation));
        MergeModel merge = new(new MergeOptions { Force = true });
        MergeResult merged = ProgressBar.Run(console, p => merge.Run(Model(pairs.Path), p, console.Cancellation));

        clock.Restart();
        CompareModels compare = new(withRank: false);
        List<TensorDifference> differences = ProgressBar.Run(console, p => compare.Run(dense, Model(merged.Path), p, console.Cancellation).ToList());
        double compared = clock.Elapsed.TotalSeconds;

        ModelSpeedOptions options = new() { SequenceLength = SequenceLength };
        MeasureModelSpeed speed = new(options with { Timing = options.Timing with { MinimumRuns = FewestRuns } });
        IReadOnlyList<ModelSpeed> speeds = ProgressBar.Run(console, p => speed.Run([dense, Model(pairs.Path)], p, console.Cancellation));
        return new DemoRun(folder, count, pairs, merged, differences, speeds, new DemoSeconds(written, counted, compared));
    }

    private static ModelSource Model(string path) => new ModelLocator().Find(path)[0];

    private static void WriteJson(DemoRun run, ConsoleContext console)
    {
        JsonLines.Write(console.Out, run.Count);
        JsonLines.Write(console.Out, run.Pairs);
        JsonLines.Write(console.Out, run.Merged);
        foreach (ModelSpeed speed in run.Speeds)
            JsonLines.Write(console.Out, speed);
        run.Differences.ForEach(difference => JsonLines.Write(console.Out, difference));
    }
}
