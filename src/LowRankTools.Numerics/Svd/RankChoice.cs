namespace LowRankTools.Numerics.Svd;

/// <summary>Turns a target into a rank once singular values are known.</summary>
internal static class RankChoice
{
    /// <summary>The smallest rank that meets the target, or 0 when the values at hand do not reach it.</summary>
    /// <param name="target">What is asked.</param>
    /// <param name="values">Leading singular values, descending.</param>
    /// <param name="squaredNorm">||A||_F^2.</param>
    public static int Find(RankTarget target, ReadOnlySpan<double> values, double squaredNorm)
    {
        if (target is RankTarget.Rank { Value: var rank }) return rank <= values.Length ? rank : 0;
        double allowed = target.AllowedShare * squaredNorm, left = squaredNorm;
        for (int k = 0; k < values.Length; k++)
        {
            left -= values[k] * values[k];
            if (left <= allowed || k + 1 == target.Limit) return k + 1;
        }

        return 0;
    }
}
