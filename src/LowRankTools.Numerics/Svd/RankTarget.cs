namespace LowRankTools.Numerics.Svd;

/// <summary>What is asked of a truncated SVD: a rank, a share of the energy, or an error.</summary>
public abstract record RankTarget
{
    private RankTarget()
    {
    }

    /// <summary>Exactly <paramref name="Value"/> components.</summary>
    /// <param name="Value">1 up to the smaller side.</param>
    public sealed record Rank(int Value) : RankTarget;

    /// <summary>
    /// The smallest k with sum_(i up to k) sigma_i^2 at least <paramref name="Share"/> ||A||_F^2, and at least 1.
    /// </summary>
    /// <param name="Share">0 to 1.</param>
    public sealed record Energy(double Share) : RankTarget
    {
        /// <summary>Upper limit of the rank; null for none.</summary>
        public int? MaxRank { get; init; }
    }

    /// <summary>
    /// The smallest k with ||A - A_k||_F at most <paramref name="RelativeError"/> ||A||_F, and at least 1.
    /// </summary>
    /// <param name="RelativeError">0 to 1.</param>
    public sealed record Tolerance(double RelativeError) : RankTarget
    {
        /// <summary>Upper limit of the rank; null for none.</summary>
        public int? MaxRank { get; init; }
    }

    internal int? Limit => this switch
    {
        Energy energy => energy.MaxRank,
        Tolerance tolerance => tolerance.MaxRank,
        _ => null,
    };

    /// <summary>Largest share of ||A||_F^2 that may be left out; meaningless for a fixed rank.</summary>
    internal double AllowedShare => this switch
    {
        Energy energy => 1 - energy.Share,
        Tolerance tolerance => tolerance.RelativeError * tolerance.RelativeError,
        _ => 0,
    };

    internal void Validate(int rows, int columns)
    {
        int largest = Math.Min(rows, columns);
        if (this is Rank { Value: var rank })
        {
            if (rank < 1)
                throw new LowRankToolsException("RankNotPositive", $"Rank {rank} is not a rank.", "Ask for 1 or more.");
            if (rank > largest)
                throw new LowRankToolsException("RankExceedsLayer", $"Rank {rank} exceeds {largest}, the smaller side of {rows}x{columns}.", $"Ask for at most {largest}.");
        }

        double share = this switch { Energy energy => energy.Share, Tolerance tolerance => tolerance.RelativeError, _ => 0 };
        if (double.IsNaN(share) || share is < 0 or > 1)
            throw new LowRankToolsException("ShareOutOfRange", $"{share} is not between 0 and 1.", "Give a share of the energy or a relative error between 0 and 1.");
        if (Limit < 1)
            throw new LowRankToolsException("RankNotPositive", $"The rank limit {Limit} is below 1.", "Give a limit of 1 or more.");
    }
}
