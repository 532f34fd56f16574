using System.CommandLine;
using System.Globalization;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core;
using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank lora join</c>: makes one adapter of several.</summary>
internal static class LoraJoinCommand
{
    public static Command Create(ConsoleContext console)
    {
        Argument<string[]> paths = SharedOptions.Paths();
        Option<double[]> weights = SharedOptions.List("--weight", "Strengths of the adapters in their order, with commas between them; 1 each by default.", "number", Weight);
        Option<string?> mode = SharedOptions.Choice("--mode", "How they become one: cat for the exact sum, the default; svd where ranks are chosen; linear for sums of factors; ties and dare with a density and a rank.", Enum.GetNames<JoinMode>());
        Option<double?> density = SharedOptions.Number<double>("--density", "Share of each adapter's entries that ties and dare keep, above 0 and at most 1.", d => d is > 0 and <= 1, "a share is above 0 and at most 1");
        Option<ulong?> seed = SharedOptions.Number<ulong>("--seed", "Seed of the entries that dare keeps; 0 by default.", _ => true, "a seed is a whole number");
        Option<double?> alpha = LoraOptions.Alpha();
        Option<bool> recurse = SharedOptions.Recurse(), json = SharedOptions.Json();
        LoraOptions options = LoraOptions.All();
        Command command = new("join", "Make one adapter of several: their weighted sum, exactly or recompressed.") { paths, weights, mode, density, seed, alpha, recurse };
        options.AddTo(command, ruleRequired: false);
        command.Add(json);
        command.SetAction(parsed =>
        {
            AdapterRank? rank = options.Rank(parsed);
            JoinMode chosen = parsed.GetValue(mode) is { } name ? Enum.Parse<JoinMode>(name, ignoreCase: true) : rank is null ? JoinMode.Cat : JoinMode.Svd;
            JoinAdapters operation = new(chosen, rank, options.Output(parsed), parsed.GetValue(alpha)) { Density = parsed.GetValue(density), Seed = parsed.GetValue(seed) ?? 0 };
            operation.Validate();
            List<ModelSource> sources = [];
            int code = new ModelRun(console).Each(parsed.GetRequiredValue(paths), parsed.GetValue(recurse), sources.Add);
            if (code != ExitCode.Success)
                return code;
            Attempts attempts = new(console);
            double[] strengths = parsed.GetValue(weights) is { Length: > 0 } given ? given : [.. sources.Select(_ => 1.0)];
            attempts.Try(sources[0].Path, () => LoraReport.Show(ProgressBar.Run(console, progress => operation.Run(sources, strengths, progress, console.Cancellation)), parsed.GetValue(json), console));
            return attempts.Code;
        });
        return command;
    }

    private static double Weight(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double weight) && double.IsFinite(weight)
        ? weight : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"--weight {text}: a strength is a number.");
}
