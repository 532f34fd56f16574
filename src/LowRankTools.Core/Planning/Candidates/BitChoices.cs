using LowRankTools.Core.Plans;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Quantization;

namespace LowRankTools.Core.Planning.Candidates;

/// <summary>
/// What one layer may become where ranks are traded against bits: a pair of each rank in each way of storing it, or the dense matrix in
/// each. Choices that cost no less and lose no less than another are left out.
/// </summary>
internal static class BitChoices
{
    /// <summary>The choices of a layer.</summary>
    /// <param name="candidate">The layer, with its values and its weight.</param>
    /// <param name="options">Ways of storing, and limits of ranks.</param>
    /// <param name="kinds">The way of each choice.</param>
    public static RankChoices Of(PlanCandidate candidate, PlanOptions options, out WeightQuantization?[] kinds)
    {
        List<(int? Rank, WeightQuantization? Kind, long Cost, double Loss)> all = [];
        LayerCost cost = candidate.Cost;
        if (candidate.Override is null || candidate.Override.Rank is null)
        {
            all.Add((null, null, (cost with { DenseQuantize = null }).Bytes(null), 0));
            foreach (WeightQuantization kind in options.Quantize.OfType<WeightQuantization>().Where(k => options.QuantizeDense && cost.CanQuantizeDense(k)))
                all.Add((null, kind, (cost with { DenseQuantize = kind }).Bytes(null), candidate.Loss(null, kind)));
        }
        foreach (WeightQuantization? kind in options.Quantize)
        {
            LayerCost own = cost with { Quantize = kind };
            int multiple = kind is { } blocks ? QuantizedLayout.RowMultiple(blocks) : 1;
            if (kind is { } k && !cost.CanQuantizePair(k))
                continue;
            foreach (int rank in Ranks(candidate, options, multiple))
                all.Add((rank, kind, own.Bytes(rank), candidate.Loss(rank, kind)));
        }
        List<(int? Rank, WeightQuantization? Kind, long Cost, double Loss)> kept = [];
        foreach ((int? Rank, WeightQuantization? Kind, long Cost, double Loss) choice in all.OrderBy(c => c.Cost).ThenBy(c => c.Loss))
        {
            if (kept.Count == 0 || choice.Loss < kept[^1].Loss)
                kept.Add(choice);
        }
        kinds = [.. kept.Select(c => c.Kind)];
        return RankChoices.Listed([.. kept.Select(c => c.Rank)], [.. kept.Select(c => c.Cost)], [.. kept.Select(c => c.Loss)]);
    }

    private static IEnumerable<int> Ranks(PlanCandidate candidate, PlanOptions options, int blocks)
    {
        if (candidate.Override is { } own)
        {
            if (own.Rank is { } given && given % blocks == 0)
                yield return given;
            yield break;
        }
        long step = (long)options.Multiple * blocks / RankChoices.Gcd(options.Multiple, blocks);
        for (long rank = (Math.Max(options.MinRank, 1) + step - 1) / step * step; candidate.Cost.Pays(rank); rank += step)
            yield return (int)rank;
    }
}
