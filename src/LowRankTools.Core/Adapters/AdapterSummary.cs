using LowRankTools.Core.Adapters.Keys;

namespace LowRankTools.Core.Adapters;

/// <summary>What a file of LoRA pairs, or of LoTR cores, is, from its header.</summary>
/// <param name="Layout">How it names its tensors.</param>
/// <param name="Modules">Modules with a pair.</param>
/// <param name="LeastRank">Smallest rank.</param>
/// <param name="MostRank">Largest rank.</param>
public sealed record AdapterSummary(AdapterLayout Layout, int Modules, int LeastRank, int MostRank)
{
    /// <summary>In a few words: Peft, 2 pairs of rank 4.</summary>
    public override string ToString() =>
        FormattableString.Invariant($"{Layout}, {Modules} {(Layout == AdapterLayout.Lotr ? "core" : "pair")}{(Modules == 1 ? "" : "s")} of rank {LeastRank}{(MostRank > LeastRank ? FormattableString.Invariant($" to {MostRank}") : "")}");
}
