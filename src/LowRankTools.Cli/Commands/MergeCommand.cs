using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Output;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank merge</c>: multiplies pairs out and writes dense models.</summary>
internal static class MergeCommand
{
    public static Command Create(ConsoleContext console)
    {
        Argument<string[]> paths = SharedOptions.Paths();
        Option<bool> recurse = SharedOptions.Recurse(), json = SharedOptions.Json();
        OutputOptions output = new();
        Command command = new("merge", "Multiply the pairs of factorized models out and write the dense models.") { paths, recurse };
        output.AddTo(command);
        command.Add(json);
        command.SetAction(parsed =>
        {
            MergeModel operation = new(new MergeOptions
            {
                OutputPath = output.Path(parsed),
                Format = output.Format(parsed),
                DType = output.DType(parsed),
                MaxShardBytes = output.MaxShardBytes(parsed),
                Force = output.Force(parsed),
                WhatIf = output.WhatIf(parsed),
            });
            OutputClaims claims = new();
            return new ModelRun(console).Each(parsed.GetRequiredValue(paths), parsed.GetValue(recurse), source =>
            {
                claims.Claim(operation.Location(source), source);
                MergeResult result = ProgressBar.Run(console, progress => operation.Run(source, progress, console.Cancellation));
                if (parsed.GetValue(json))
                    JsonLines.Write(console.Out, result);
                else
                    MergeReport.Write(result, console);
                console.Out.Flush();
            });
        });
        return command;
    }
}
