namespace LowRankTools.Core.Planning.Candidates;

/// <summary>What a layer's choices cost, in one whole unit: parameters, bytes, nanoseconds.</summary>
/// <param name="PerRank">Cost of one rank more; above zero.</param>
/// <param name="Fixed">Cost of a pair beside its ranks.</param>
/// <param name="Dense">Cost of the layer left as it is.</param>
public readonly record struct RankCost(long PerRank, long Fixed, long Dense)
{
    /// <summary>Parameters: r (m + n) for a pair, m n for the matrix.</summary>
    public static RankCost Parameters(long m, long n) => new(checked(m + n), 0, checked(m * n));

    /// <summary>Cost of a pair.</summary>
    public long Pair(long rank) => checked(Fixed + rank * PerRank);

    /// <summary>Largest rank at which a pair costs less than the dense layer; zero where none does.</summary>
    public long BreakEven => Dense <= Fixed ? 0 : (Dense - 1 - Fixed) / PerRank;
}
