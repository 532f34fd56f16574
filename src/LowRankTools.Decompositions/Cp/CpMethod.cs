namespace LowRankTools.Decompositions.Cp;

/// <summary>CP by alternating least squares, <see cref="CpTensor"/>. Takes one rank and as many starts as are to be tried.</summary>
public sealed class CpMethod : CpMethodBase
{
    /// <inheritdoc/>
    public override string Name => "Cp";

    /// <inheritdoc/>
    public override string Description => "A sum of outer products of vectors, by alternating least squares: one rank.";

    private protected override bool NonNegative => false;
}
