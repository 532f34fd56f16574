using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Comparison;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank compare</c>: how models differ from a reference, tensor by tensor.</summary>
internal static class CompareCommand
{
    public static Command Create(ConsoleContext console)
    {
        Argument<string[]> paths = SharedOptions.Paths();
        Option<string> reference = new("--reference-path") { Description = "The model that the others are compared with.", HelpName = "path", Required = true };
        Option<bool> includeRank = new("--include-rank") { Description = "Find the rank of every difference, which costs its singular values." };
        Option<bool> recurse = SharedOptions.Recurse(), json = SharedOptions.Json();
        Command command = new("compare", "Compare models with a reference, tensor by tensor; factorized ones are multiplied out.") { paths, reference, includeRank, recurse };
        EngineOptions engine = new();
        engine.AddTo(command);
        command.Add(json);
        command.SetAction(parsed =>
        {
            if (new ModelRun(console).One(parsed.GetRequiredValue(reference)) is not { } expected)
                return ExitCode.BadInput;
            CompareModels operation = new(parsed.GetValue(includeRank), engine.Choice(parsed, console));
            return new ModelRun(console).Each(parsed.GetRequiredValue(paths), parsed.GetValue(recurse), source =>
            {
                List<TensorDifference> differences = ProgressBar.Run(console, progress => operation.Run(expected, source, progress, console.Cancellation).ToList());
                if (parsed.GetValue(json))
                    differences.ForEach(difference => JsonLines.Write(console.Out, difference));
                else
                    CompareReport.Write(expected, source, differences, parsed.GetValue(includeRank), console);
                console.Out.Flush();
            });
        });
        return command;
    }
}
