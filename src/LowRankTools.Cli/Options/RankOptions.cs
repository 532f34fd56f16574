using System.CommandLine;
using LowRankTools.Core;

namespace LowRankTools.Cli.Options;

/// <summary>How ranks are chosen: exactly one of three ways.</summary>
internal sealed class RankOptions
{
    private readonly Option<int?> _rank = new("--rank") { Description = "One rank for all layers, at least 1.", HelpName = "r" };

    private readonly Option<double?> _keepRatio = new("--keep-ratio")
    {
        Description = "Keep at most this share of each layer's parameters, between 0 and 1.",
        HelpName = "share",
    };

    private readonly Option<double?> _energy = new("--energy")
    {
        Description = "Keep at least this share of each layer's energy, the sum of squared singular values; above 0, at most 1.",
        HelpName = "share",
    };

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
        _rank.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() < 1)
                result.AddError("A --rank is at least 1.");
        });
        _keepRatio.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is not (null or (> 0 and < 1)))
                result.AddError("A --keep-ratio lies between 0 and 1.");
        });
        _energy.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is not (null or (> 0 and <= 1)))
                result.AddError("An --energy is above 0 and at most 1.");
        });
    }

    /// <summary>The rule that was chosen.</summary>
    public RankRule Rule(ParseResult parsed) =>
        parsed.GetValue(_rank) is { } rank ? new RankRule.Fixed(rank)
        : parsed.GetValue(_keepRatio) is { } ratio ? new RankRule.KeepRatio(ratio)
        : new RankRule.Energy(parsed.GetValue(_energy)!.Value);
}
