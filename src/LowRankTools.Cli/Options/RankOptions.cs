using System.CommandLine;
using LowRankTools.Core;

namespace LowRankTools.Cli.Options;

/// <summary>How ranks are chosen: exactly one of three ways.</summary>
internal sealed class RankOptions
{
    private readonly Option<int?> _rank = SharedOptions.Number<int>("--rank", "One rank for all layers, at least 1.", r => r >= 1, "a rank is a whole number, at least 1");

    private readonly Option<double?> _keepRatio = SharedOptions.Number<double>("--keep-ratio",
        "Keep at most this share of each layer's parameters, between 0 and 1.", share => share is > 0 and < 1, "a kept share lies between 0 and 1");

    private readonly Option<double?> _energy = SharedOptions.Number<double>("--energy",
        "Keep at least this share of each layer's energy, the sum of squared singular values; above 0, at most 1.",
        share => share is > 0 and <= 1, "a share of the energy is above 0 and at most 1");

    /// <summary>Adds the options and the rule that exactly one is given.</summary>
    public void AddTo(Command command)
    {
        command.Add(_rank);
        command.Add(_keepRatio);
        command.Add(_energy);
        Option[] rules = [_rank, _keepRatio, _energy];
        command.Validators.Add(result =>
        {
            if (rules.Count(o => result.GetResult(o) is not null) != 1)
                result.AddError("Give exactly one of --rank, --keep-ratio and --energy.");
        });
    }

    /// <summary>The rule that was chosen.</summary>
    public RankRule Rule(ParseResult parsed) =>
        parsed.GetValue(_rank) is { } rank ? new RankRule.Fixed(rank)
        : parsed.GetValue(_keepRatio) is { } ratio ? new RankRule.KeepRatio(ratio)
        : new RankRule.Energy(parsed.GetValue(_energy)!.Value);
}
