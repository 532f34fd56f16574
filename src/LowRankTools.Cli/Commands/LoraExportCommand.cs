using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank lora export</c>: makes adapters of what tuning changed.</summary>
internal static class LoraExportCommand
{
    public static Command Create(ConsoleContext console)
    {
        Argument<string[]> paths = SharedOptions.Paths();
        Option<string> basePath = LoraOptions.BasePath("The model before it was tuned.");
        Option<string[]> include = SharedOptions.Include(), exclude = SharedOptions.Exclude();
        CalibrationOptionsGroup calibration = new();
        Option<bool> embedding = new("--include-embedding") { Description = "Give embeddings pairs too." };
        Option<int?> threads = SharedOptions.ThreadCount();
        Option<bool> recurse = SharedOptions.Recurse(), json = SharedOptions.Json();
        LoraOptions options = LoraOptions.All();
        Option<long?> budget = SharedOptions.Number<long>("--parameter-budget", "Most parameters of the whole adapter, shared out for the least error.", n => n >= 1, "a budget is a whole number, at least 1");
        Command command = new("export", "Make adapters of the differences between tuned models and their base.") { paths, basePath, include, exclude, embedding, budget, threads, recurse };
        options.AddTo(command, ruleRequired: false);
        calibration.AddTo(command, refit: false);
        command.Add(json);
        command.Validators.Add(result =>
        {
            if (options.HasRule(result) == result.GetResult(budget) is not null)
                result.AddError("Give a rule for each module, such as --rank or --energy, or a --parameter-budget for all.");
        });
        command.SetAction(parsed =>
        {
            if (new ModelRun(console).One(parsed.GetRequiredValue(basePath)) is not { } baseModel)
                return ExitCode.BadInput;
            ExportAdapterOptions wanted = new()
            {
                Rank = options.Rank(parsed),
                ParameterBudget = parsed.GetValue(budget),
                Selection = new LayerSelection { Include = SharedOptions.Patterns(parsed.GetValue(include)), Exclude = SharedOptions.Patterns(parsed.GetValue(exclude)), IncludeEmbedding = parsed.GetValue(embedding) },
                Calibration = calibration.Choice(parsed),
                Output = options.Output(parsed),
                ThreadCount = parsed.GetValue(threads) ?? 0,
            };
            wanted.Validate();
            ExportAdapter operation = new(wanted);
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
