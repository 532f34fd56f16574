using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Output;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank lora resize</c>: gives adapters other ranks.</summary>
internal static class LoraResizeCommand
{
    public static Command Create(ConsoleContext console)
    {
        Argument<string[]> paths = SharedOptions.Paths();
        Option<double?> alpha = LoraOptions.Alpha();
        Option<bool> recurse = SharedOptions.Recurse(), json = SharedOptions.Json();
        LoraOptions options = LoraOptions.All();
        Command command = new("resize", "Give adapters other ranks, by the singular values of what they add.") { paths, alpha, recurse };
        options.AddTo(command, ruleRequired: true);
        command.Add(json);
        command.SetAction(parsed =>
        {
            AdapterOutputOptions output = options.Output(parsed);
            output.Validate();
            ResizeAdapter operation = new(options.Rank(parsed)!, output, parsed.GetValue(alpha));
            OutputClaims claims = new();
            return new ModelRun(console).Each(parsed.GetRequiredValue(paths), parsed.GetValue(recurse), source =>
            {
                claims.Claim(operation.Location(source), source);
                LoraReport.Show(ProgressBar.Run(console, progress => operation.Run(source, progress, console.Cancellation)), parsed.GetValue(json), console);
            });
        });
        return command;
    }
}
