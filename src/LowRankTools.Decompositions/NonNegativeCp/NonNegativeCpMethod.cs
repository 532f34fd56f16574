using LowRankTools.Decompositions.Cp;

namespace LowRankTools.Decompositions.NonNegativeCp;

/// <summary>
/// CP whose factors have no negative entry, by HALS, <see cref="CpTensor"/>; of two modes it is non-negative matrix factorization. Takes one
/// rank and as many starts as are to be tried.
/// </summary>
public sealed class NonNegativeCpMethod : CpMethodBase
{
    /// <inheritdoc/>
    public override string Name => "NonNegativeCp";

    /// <inheritdoc/>
    public override string Description => "CP without negative entries, by HALS; of matrices, non-negative matrix factorization: one rank.";

    private protected override bool NonNegative => true;
}
