using LowRankTools.Core.Layers;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Spectra;

namespace LowRankTools.Core.Planning;

/// <summary>Rules that decide each layer by itself.</summary>
internal static class LayerRanks
{
    /// <summary>Chooses. No optimum is sought: each layer has the rank that the rule says.</summary>
    public static ChosenRanks Choose(IEnumerable<PlanCandidate> open, PlanOptions options) =>
        new(open.ToDictionary(c => c, c => Choose(c, options)), new PlanProof(null, IsOptimal: false));

    private static (int? Rank, KeepReason Reason) Choose(PlanCandidate candidate, PlanOptions plan)
    {
        if (candidate is { Override: not null, Options: not null })
            return (candidate.Take(1), KeepReason.None);
        if (candidate.Override is { } own)
            return (own.Rank, own.Rank is null ? KeepReason.ByHand : KeepReason.None);
        if (candidate.Options is { } options)
            return Kernel(candidate, options, plan.Rule is RankRule.Energy);
        (long rows, long columns) = candidate.Cost.Size;
        long rank = plan.Rule switch
        {
            RankRule.Fixed(int value) => value,
            RankRule.KeepRatio(double ratio) => RankBounds.ForKeepRatio(rows, columns, ratio) / plan.Multiple * plan.Multiple,
            RankRule.Energy(double share) => RoundUp(SpectrumMeasures.RankForEnergy(candidate.Values, share), plan.Multiple),
            _ => throw new InvalidOperationException($"No such rule: {plan.Rule}"),
        };
        rank = Math.Max(rank, plan.FirstRank);
        return candidate.Cost.Pays(rank) ? ((int)rank, KeepReason.None) : (null, KeepReason.BreakEven);
    }

    /// <summary>At one budget the method that loses least, at one error the one with fewest parameters.</summary>
    private static (int? Rank, KeepReason Reason) Kernel(PlanCandidate candidate, IReadOnlyList<LayerOption> options, bool fewest)
    {
        IOrderedEnumerable<int> order = Enumerable.Range(0, options.Count).Where(i => options[i].Parameters < candidate.Cost.DenseParameters)
            .OrderBy(i => fewest ? options[i].Parameters : options[i].Error ?? 0).ThenBy(i => fewest ? options[i].Error ?? 0 : options[i].Parameters);
        return order.Cast<int?>().FirstOrDefault() is { } best ? (candidate.Take(best + 1), KeepReason.None) : (null, KeepReason.BreakEven);
    }

    private static long RoundUp(long rank, long multiple) => (rank + multiple - 1) / multiple * multiple;
}
