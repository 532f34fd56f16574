using System.CommandLine;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Reports;
using LowRankTools.Core;
using LowRankTools.Numerics;

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
            ModelSource? expected = null;
            int code = new ModelRun(console).Each([parsed.GetRequiredValue(reference)], recurse: false, model => expected = Single(expected, model));
            if (code != ExitCode.Success || expected is null)
                return code;
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

    private static ModelSource Single(ModelSource? earlier, ModelSource model) => earlier is null ? model
        : throw new LowRankToolsException("ReferenceAmbiguous", $"The --reference-path holds {earlier.Path} and {model.Path}.", "Name one of them.");
}
