using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank lora convert</c>: writes adapters in other layouts.</summary>
internal static class LoraConvertCommand
{
    public static Command Create(ConsoleContext console)
    {
        Argument<string[]> paths = SharedOptions.Paths();
        Option<string?> basePath = new("--base-path") { Description = "The model that the adapters belong to; a GGUF model to or from gguf, whose header alone is read; for onnxruntime the ONNX graph, whose inputs name the factors.", HelpName = "path" };
        Option<double?> alpha = LoraOptions.Alpha();
        Option<bool> recurse = SharedOptions.Recurse(), json = SharedOptions.Json();
        LoraOptions options = LoraOptions.All();
        Command command = new("convert", "Write adapters in another layout: PEFT's, kohya's, llama.cpp's GGUF or LoTR's; LoHa and LoKr as pairs of a rank.") { paths, basePath, alpha, recurse };
        options.AddTo(command, ruleRequired: false);
        command.Add(json);
        command.SetAction(parsed =>
        {
            AdapterOutputOptions output = options.Output(parsed);
            output.Validate();
            ModelSource? baseModel = null;
            if (parsed.GetValue(basePath) is { } path && (baseModel = new ModelRun(console).One(path)) is null)
                return ExitCode.BadInput;
            ConvertAdapter operation = new(options.Rank(parsed), output, parsed.GetValue(alpha));
            OutputClaims claims = new();
            return new ModelRun(console).Each(parsed.GetRequiredValue(paths), parsed.GetValue(recurse), source =>
            {
                claims.Claim(operation.Location(source), source);
                LoraReport.Show(ProgressBar.Run(console, progress => operation.Run(source, baseModel, progress, console.Cancellation)), parsed.GetValue(json), console);
            });
        });
        return command;
    }
}
