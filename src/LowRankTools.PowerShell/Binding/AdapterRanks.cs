using LowRankTools.Core;
using LowRankTools.Core.Adapters;
using LowRankTools.Numerics;

namespace LowRankTools.PowerShell.Binding;

/// <summary>One rule of the parameters that choose an adapter's ranks.</summary>
internal static class AdapterRanks
{
    /// <summary>The rule that is given; null where none is.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: several are, or a limit without a rule.</exception>
    public static AdapterRank? Of(int? rank, double? energy, double? cumulative, double? ratio, int? maxRank)
    {
        AdapterRank?[] rules =
        [
            rank is { } r ? new AdapterRank.Fixed(r) : null, energy is { } e ? new AdapterRank.Energy(e) : null,
            cumulative is { } c ? new AdapterRank.Cumulative(c) : null, ratio is { } s ? new AdapterRank.Ratio(s) : null,
        ];
        AdapterRank[] given = [.. rules.OfType<AdapterRank>()];
        if (given.Length > 1 || given.Length == 0 && maxRank is not null)
            throw Invalid($"{given.Length} rules choose the ranks.");
        return given.Length == 0 ? null : given[0] with { MaxRank = maxRank };
    }

    /// <summary>The rule that must be given.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: none is.</exception>
    public static AdapterRank Required(AdapterRank? rule) => rule ?? throw Invalid("No rule chooses the ranks.");

    private static LowRankToolsException Invalid(string problem) => new(CoreErrors.OptionInvalid, problem, "Give one of -Rank, -Energy, -CumulativeRatio and -SigmaRatio, as far as the command has them.");
}
