using System.CommandLine;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Speed;

namespace LowRankTools.Cli.Options;

/// <summary>Ways to choose ranks, of which exactly one is given.</summary>
internal sealed class RuleOptions
{
    private readonly List<(Option Option, Func<ParseResult, RankRule> Rule)> _rules = [];
    private readonly List<Option> _others = [];

    private RuleOptions()
    {
    }

    /// <summary>The rules that decide each layer by itself.</summary>
    public static RuleOptions PerLayer()
    {
        RuleOptions rules = new();
        rules.Offer<int>("--rank", "One rank for all layers, at least 1.", r => r >= 1, "a rank is a whole number, at least 1", r => new RankRule.Fixed(r));
        rules.Offer<double>("--keep-ratio", "Keep at most this share of each layer's parameters, between 0 and 1.", share => share is > 0 and < 1,
            "a kept share lies between 0 and 1", share => new RankRule.KeepRatio(share));
        rules.Offer<double>("--energy", "Keep at least this share of each layer's energy, the sum of squared singular values; above 0, at most 1.",
            share => share is > 0 and <= 1, "a share of the energy is above 0 and at most 1", share => new RankRule.Energy(share));
        return rules;
    }

    /// <summary>Those, and the ones that share something out among the layers.</summary>
    public static RuleOptions All()
    {
        RuleOptions rules = PerLayer();
        rules.Offer<double>("--target-reduction", "Make the chosen layers together this many times smaller, above 1.", factor => factor is > 1 and <= double.MaxValue,
            "a reduction is above 1", factor => new RankRule.TargetReduction(factor));
        rules.Offer<long>("--parameter-budget", "Most parameters of the whole model.", n => n >= 1, "a budget is a whole number, at least 1", n => new RankRule.ParameterBudget(n));
        Option<long> bytes = ByteSize.Option("--byte-budget", "Most bytes of all tensors of the whole model: 10MB (10 x 2^20 bytes) or plain bytes.");
        rules._rules.Add((bytes, parsed => new RankRule.ByteBudget(parsed.GetValue(bytes))));
        rules.Offer<double>("--max-relative-error", "Fewest parameters at which the error of the chosen layers together is at most this, between 0 and 1.",
            error => error is > 0 and < 1, "a relative error lies between 0 and 1", error => new RankRule.MaxRelativeError(error));
        Option<int?> batch = SharedOptions.Number<int>("--batch-size", "Tokens that layers are called with where --target-speedup times them; 128 by default.", n => n >= 1, "a number of tokens is a whole number, at least 1");
        Option<double?> speedup = SharedOptions.Number<double>("--target-speedup", "Make the chosen layers together this many times faster, above 1, by times measured here.",
            factor => factor is > 1 and <= double.MaxValue, "a speed-up is above 1");
        rules._rules.Add((speedup, parsed => new RankRule.TargetSpeedup(parsed.GetValue(speedup)!.Value, parsed.GetValue(batch) ?? LayerSpeedOptions.DefaultBatchSize)));
        rules._others.Add(batch);
        return rules;
    }

    /// <summary>The options, for a verb that has another way too.</summary>
    public IEnumerable<Option> Options => _rules.Select(r => r.Option);

    /// <summary>Adds the options and the rule that exactly one is given, of these and the others.</summary>
    public void AddTo(Command command, params Option[] others)
    {
        foreach (Option option in Options.Concat(_others))
            command.Add(option);
        Option[] all = [.. Options, .. others];
        command.Validators.Add(result =>
        {
            if (all.Count(o => result.GetResult(o) is not null) != 1)
                result.AddError($"Give exactly one of {string.Join(", ", all[..^1].Select(o => o.Name))} and {all[^1].Name}.");
        });
    }

    /// <summary>The rule that was chosen; null where it was none of these.</summary>
    public RankRule? Rule(ParseResult parsed) => _rules.Where(r => parsed.GetResult(r.Option) is not null).Select(r => r.Rule(parsed)).FirstOrDefault();

    private void Offer<T>(string name, string description, Func<T, bool> range, string must, Func<T, RankRule> rule)
        where T : struct, ISpanParsable<T>
    {
        Option<T?> option = SharedOptions.Number(name, description, range, must);
        _rules.Add((option, parsed => rule(parsed.GetValue(option)!.Value)));
    }
}
