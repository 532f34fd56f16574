namespace LowRankTools.Core;

/// <summary>Rules that decide each layer by itself.</summary>
internal static class LayerRanks
{
    /// <summary>Chooses. No optimum is sought: each layer has the rank that the rule says.</summary>
    public static ChosenRanks Choose(IEnumerable<PlanCandidate> open, PlanOptions options) =>
        new(open.ToDictionary(c => c, c => Choose(c, options)), new PlanProof(null, IsOptimal: false));

    private static (int? Rank, KeepReason Reason) Choose(PlanCandidate candidate, PlanOptions options)
    {
        if (candidate.Override is { } own)
            return (own.Rank, own.Rank is null ? KeepReason.ByHand : KeepReason.None);
        (long rows, long columns) = candidate.Cost.Size;
        long rank = options.Rule switch
        {
            RankRule.Fixed(int value) => value,
            RankRule.KeepRatio(double ratio) => RankBounds.ForKeepRatio(rows, columns, ratio) / options.Multiple * options.Multiple,
            RankRule.Energy(double share) => RoundUp(SpectrumMeasures.RankForEnergy(candidate.Values, share), options.Multiple),
            _ => throw new InvalidOperationException($"No such rule: {options.Rule}"),
        };
        rank = Math.Max(rank, options.FirstRank);
        return candidate.Cost.Pays(rank) ? ((int)rank, KeepReason.None) : (null, KeepReason.BreakEven);
    }

    private static long RoundUp(long rank, long multiple) => (rank + multiple - 1) / multiple * multiple;
}
