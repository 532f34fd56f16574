using LowRankTools.Core.Factorization;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Parts;

/// <summary>
/// Deals the pairs of a plan out to parts, so that all take about as long: the costliest layer first, each to the part that has
/// least so far. No part then has more than 4/3 of the best possible share (Graham, 1969). Every part deals for itself and
/// comes to the same result, for it depends on the plan alone.
/// </summary>
internal static class PartShare
{
    /// <summary>The layers of one part, in the order of the file.</summary>
    /// <param name="pairs">All layers that are computed, in the order of the file.</param>
    /// <param name="part">Which part of how many; no more than there are layers.</param>
    /// <param name="svd">How they are computed.</param>
    public static IReadOnlyList<FactoredItem> Of(IReadOnlyList<FactoredItem> pairs, PartNumber part, SvdOptions svd)
    {
        double[] costs = [.. pairs.Select(p => Cost(p.Plan, svd))];
        int[] parts = Deal(costs, part.Of);
        return [.. pairs.Where((_, i) => parts[i] == part.Number - 1)];
    }

    /// <summary>The part of every layer, counted from zero.</summary>
    internal static int[] Deal(IReadOnlyList<double> costs, int parts)
    {
        int[] given = new int[costs.Count];
        // The least loaded part first; of equals, the one with the lower number.
        PriorityQueue<int, (double Load, int Part)> loads = new(Enumerable.Range(0, parts).Select(p => (p, (0.0, p))));
        foreach (int layer in Enumerable.Range(0, costs.Count).OrderByDescending(i => costs[i]).ThenBy(i => i))
        {
            loads.TryDequeue(out int part, out (double Load, int Part) load);
            given[layer] = part;
            loads.Enqueue(part, (load.Load + costs[layer], part));
        }
        return given;
    }

    // Of a chain only the order matters: one product of the kernel with its factors, about.
    private static double Cost(LayerPlan layer, SvdOptions svd) => layer.Made is not null ? (double)layer.DenseParameters * layer.Rank!.Value
        : TruncatedSvd.EstimateCost(checked((int)layer.Rows), checked((int)layer.Columns), layer.Rank!.Value, svd);
}
