using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Resizing;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank resize</c>: makes the feed-forward parts and heads of transformers smaller.</summary>
internal static class ResizeCommand
{
    public static Command Create(ConsoleContext console)
    {
        Argument<string[]> paths = SharedOptions.Paths();
        Option<bool> recurse = SharedOptions.Recurse(), json = SharedOptions.Json();
        Option<string> calibration = new("--calibration") { Description = "File with the Gram matrices of the layers that read hidden units, and of attention's.", HelpName = "path", Required = true };
        Option<double?> ratio = SharedOptions.Number<double>("--keep-ratio", "Share of the hidden units that stays.", r => r is > 0 and <= 1, "a share is above 0 and at most 1");
        Option<int?> size = SharedOptions.Number<int>("--hidden-size", "Hidden units that stay, as a number.", n => n >= 1, "a number of units is a whole number, at least 1");
        Option<int?> head = SharedOptions.Number<int>("--head-size", "Features of every head of attention afterwards, of queries, keys and values alike; Llama's kin and GGUF's llama.", n => n >= 2 && n % 2 == 0, "a head has an even number of features, at least 2");
        Option<int?> values = SharedOptions.Number<int>("--value-size", "Features of every head of values afterwards, where they are to be others than those of queries: only networks of this project run that.", n => n >= 1, "a head of values has at least 1 feature");
        Option<string?> selection = SharedOptions.Choice("--selection", "How the units, and the heads' features, that stay are chosen; elimination by default.", Enum.GetNames<UnitSelection>());
        Option<int?> threads = SharedOptions.ThreadCount();
        EngineOptions engine = new();
        OutputOptions output = new();
        Command command = new("resize", "Make the feed-forward parts and the heads of transformers smaller by what they were fed; the models stay dense and run wherever they ran.") { paths, recurse, calibration, ratio, size, head, values, selection, threads };
        engine.AddTo(command);
        output.AddTo(command);
        command.Add(json);
        command.Validators.Add(result =>
        {
            bool share = result.GetResult(ratio) is not null, number = result.GetResult(size) is not null;
            if (share && number || !share && !number && result.GetResult(head) is null && result.GetResult(values) is null)
                result.AddError("How many hidden units stay is said by one of --keep-ratio and --hidden-size, how large heads are by --head-size and --value-size.");
        });
        command.SetAction(parsed =>
        {
            ResizeModel operation = new(new ResizeOptions
            {
                KeepRatio = parsed.GetValue(ratio),
                HiddenSize = parsed.GetValue(size),
                HeadSize = parsed.GetValue(head),
                ValueSize = parsed.GetValue(values),
                Selection = parsed.GetValue(selection) is { } name ? Enum.Parse<UnitSelection>(name, ignoreCase: true) : UnitSelection.Elimination,
                Calibration = new CalibrationOptions { Path = Path.GetFullPath(parsed.GetRequiredValue(calibration)) },
                OutputPath = output.Path(parsed),
                Format = output.Format(parsed),
                DType = output.DType(parsed),
                MaxShardBytes = output.MaxShardBytes(parsed),
                Engine = engine.Choice(parsed, console),
                ThreadCount = parsed.GetValue(threads) ?? 0,
                Force = output.Force(parsed),
                WhatIf = output.WhatIf(parsed),
            });
            OutputClaims claims = new();
            return new ModelRun(console).Each(parsed.GetRequiredValue(paths), parsed.GetValue(recurse), source =>
            {
                claims.Claim(operation.Location(source), source);
                ResizeResult result = ProgressBar.Run(console, progress => operation.Run(source, progress, console.Cancellation));
                if (parsed.GetValue(json))
                    JsonLines.Write(console.Out, result);
                else
                    ResizeReport.Write(result, console);
                console.Out.Flush();
            });
        });
        return command;
    }
}
