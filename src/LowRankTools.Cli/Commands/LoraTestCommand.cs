using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Adapters.Editing;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank lora test</c>: holds adapters against a base model, from headers alone.</summary>
internal static class LoraTestCommand
{
    public static Command Create(ConsoleContext console)
    {
        Argument<string[]> paths = SharedOptions.Paths();
        Option<string> basePath = LoraOptions.BasePath("The model that the adapters should fit.");
        Option<string?> outputPath = new("--output-path") { Description = "Where a merged model would go, for the room on its disk.", HelpName = "path" };
        Option<double?> alpha = LoraOptions.Alpha();
        Option<bool> recurse = SharedOptions.Recurse(), json = SharedOptions.Json();
        Command command = new("test", "Say whether adapters fit a base model, from headers alone; 1 is returned where one does not.") { paths, basePath, outputPath, alpha, recurse, json };
        command.SetAction(parsed =>
        {
            if (new ModelRun(console).One(parsed.GetRequiredValue(basePath)) is not { } baseModel)
                return ExitCode.BadInput;
            CheckAdapter operation = new(parsed.GetValue(alpha), parsed.GetValue(outputPath));
            bool fit = true;
            int code = new ModelRun(console).Each(parsed.GetRequiredValue(paths), parsed.GetValue(recurse), source =>
            {
                AdapterCheck check = operation.Run(source, baseModel);
                fit &= check.Fits;
                if (parsed.GetValue(json))
                    JsonLines.Write(console.Out, check);
                else
                    LoraReport.Write(check, console);
                console.Out.Flush();
            });
            return code != ExitCode.Success || fit ? code : ExitCode.BadInput;
        });
        return command;
    }
}
