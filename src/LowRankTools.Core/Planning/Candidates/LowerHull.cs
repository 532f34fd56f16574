namespace LowRankTools.Core.Planning.Candidates;

/// <summary>The lower convex hull of points of cost and loss (Andrew's monotone chain, 1979), from the cheapest to the one of least loss.</summary>
internal static class LowerHull
{
    /// <summary>The points on the hull: costs rise, losses fall, and each step's gain per cost is below that of the one before.</summary>
    public static IReadOnlyList<(int Rank, long Cost, double Loss)> Of(IEnumerable<(int Rank, long Cost, double Loss)> points)
    {
        List<(int Rank, long Cost, double Loss)> hull = [];
        foreach ((int Rank, long Cost, double Loss) point in points.OrderBy(p => p.Cost).ThenBy(p => p.Loss).ThenBy(p => p.Rank))
        {
            // Neither dearer and no better, nor above the line from the one before the last to this one.
            if (hull.Count > 0 && point.Loss >= hull[^1].Loss)
                continue;
            while (hull.Count > 1 && (hull[^2].Loss - hull[^1].Loss) * (point.Cost - hull[^1].Cost) <= (hull[^1].Loss - point.Loss) * (hull[^1].Cost - hull[^2].Cost))
                hull.RemoveAt(hull.Count - 1);
            hull.Add(point);
        }
        return hull;
    }
}
