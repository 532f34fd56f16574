using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Quantization;

namespace LowRankTools.Core.Planning.Candidates;

/// <summary>What was chosen for the open candidates of a plan.</summary>
/// <param name="Ranks">Ranks by candidate; null for dense, with the reason.</param>
/// <param name="Proof">How good they are.</param>
internal sealed record ChosenRanks(Dictionary<PlanCandidate, (int? Rank, KeepReason Reason)> Ranks, PlanProof Proof)
{
    /// <summary>How each is quantised, where that was chosen with the rank; null where it was not.</summary>
    public Dictionary<PlanCandidate, WeightQuantization?>? Kinds { get; init; }
}
