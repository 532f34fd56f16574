using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank lora new</c>: adapters to be trained, which change nothing yet.</summary>
internal static class LoraNewCommand
{
    public static Command Create(ConsoleContext console)
    {
        Argument<string[]> paths = SharedOptions.Paths();
        Option<int?> rank = SharedOptions.Number<int>("--rank", "Components of every module, at least 1.", r => r >= 1, "a rank is a whole number, at least 1");
        rank.Required = true;
        Option<double?> alpha = SharedOptions.Number<double>("--alpha", "Numerator of the scale; the rank by default, a scale of one.", a => double.IsFinite(a) && a != 0, "an alpha is a number other than zero");
        Option<string[]> include = SharedOptions.Include(), exclude = SharedOptions.Exclude();
        Option<bool> embedding = new("--include-embedding") { Description = "Give embeddings pairs too." };
        Option<bool> dora = new("--dora") { Description = "Train the lengths of the weights' rows apart from their directions (DoRA); in PEFT's layout." };
        Option<ulong?> seed = SharedOptions.Number<ulong>("--seed", "Chooses the random factors; 0 by default.", _ => true, "a seed is a whole number, not negative");
        Option<bool> recurse = SharedOptions.Recurse(), json = SharedOptions.Json();
        LoraOptions output = LoraOptions.OutputOnly();
        Command command = new("new", "Write adapters to be trained, which change nothing yet.") { paths, rank, alpha, include, exclude, embedding, dora, seed, recurse };
        output.AddTo(command, ruleRequired: false);
        command.Add(json);
        command.SetAction(parsed =>
        {
            NewAdapterOptions wanted = new()
            {
                Rank = parsed.GetValue(rank)!.Value,
                Alpha = parsed.GetValue(alpha),
                Selection = new LayerSelection { Include = SharedOptions.Patterns(parsed.GetValue(include)), Exclude = SharedOptions.Patterns(parsed.GetValue(exclude)), IncludeEmbedding = parsed.GetValue(embedding) },
                Dora = parsed.GetValue(dora),
                Seed = parsed.GetValue(seed) ?? 0,
                Output = output.Output(parsed),
            };
            wanted.Validate();
            NewAdapter operation = new(wanted);
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
