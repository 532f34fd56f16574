using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Output;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank lora merge</c>: adds adapters to the weights of a base model.</summary>
internal static class LoraMergeCommand
{
    public static Command Create(ConsoleContext console)
    {
        Argument<string[]> paths = SharedOptions.Paths();
        Option<string> basePath = LoraOptions.BasePath("The model that the adapters were trained on.");
        Option<double?> weight = SharedOptions.Number<double>("--weight", "Strength of the adapter: 1, the default, as it was trained; -1 takes it out again.", w => double.IsFinite(w) && w != 0, "a strength is a number other than zero");
        Option<double?> alpha = LoraOptions.Alpha();
        Option<bool> recurse = SharedOptions.Recurse(), json = SharedOptions.Json();
        OutputOptions output = new();
        Command command = new("merge", "Add adapters to the weights of a base model and write the models that answer as both together do.") { paths, basePath, weight, alpha, recurse };
        output.AddTo(command);
        command.Add(json);
        command.SetAction(parsed =>
        {
            if (new ModelRun(console).One(parsed.GetRequiredValue(basePath)) is not { } baseModel)
                return ExitCode.BadInput;
            MergeAdapter operation = new(new MergeAdapterOptions
            {
                OutputPath = output.Path(parsed),
                Format = output.Format(parsed),
                DType = output.DType(parsed),
                Weight = parsed.GetValue(weight) ?? 1,
                Alpha = parsed.GetValue(alpha),
                MaxShardBytes = output.MaxShardBytes(parsed),
                Force = output.Force(parsed),
                WhatIf = output.WhatIf(parsed),
            });
            OutputClaims claims = new();
            return new ModelRun(console).Each(parsed.GetRequiredValue(paths), parsed.GetValue(recurse), source =>
            {
                claims.Claim(operation.Location(baseModel, source), source);
                MergeAdapterResult result = ProgressBar.Run(console, progress => operation.Run(baseModel, source, progress, console.Cancellation));
                if (parsed.GetValue(json))
                    JsonLines.Write(console.Out, result);
                else
                    LoraReport.Write(result, console);
                console.Out.Flush();
            });
        });
        return command;
    }
}
