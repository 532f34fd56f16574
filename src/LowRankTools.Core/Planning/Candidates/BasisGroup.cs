using LowRankTools.Core.Layers;
using LowRankTools.Core.Storage;

namespace LowRankTools.Core.Planning.Candidates;

/// <summary>Layers of one kind and shape that share the factor next to their inputs: one decision, on the weights below each other.</summary>
internal sealed class BasisGroup
{
    /// <summary>Makes the decision that stands for the members'.</summary>
    /// <param name="members">The layers, in the order of their blocks.</param>
    public BasisGroup(IReadOnlyList<PlanCandidate> members)
    {
        Members = members;
        PlanCandidate first = members[0];
        Whole = new PlanCandidate
        {
            Name = first.Name,
            Shape = first.Shape,
            DType = first.DType,
            Bytes = members.Sum(m => m.Bytes),
            Reason = KeepReason.None,
            Cost = first.Cost with
            {
                Size = (members.Count * first.Cost.Size.Rows, first.Cost.Size.Columns),
                DenseParameters = members.Sum(m => m.Cost.DenseParameters),
                Biases = (members.Sum(m => m.Cost.Biases.PerRank), members.Sum(m => m.Cost.Biases.Fixed)),
                StoredRows = 0,
            },
        };
    }

    /// <summary>The layers; the first one's basis is the others' too.</summary>
    public IReadOnlyList<PlanCandidate> Members { get; }

    /// <summary>The one decision: r (in + g out) parameters at rank r, of g in out.</summary>
    public PlanCandidate Whole { get; }

    /// <summary>What a member costs: all but the first write their coefficients only.</summary>
    public LayerCost CostOf(PlanCandidate member) => member.Cost with { SharedBy = Members.Count, SharesBasis = !ReferenceEquals(member, Members[0]) };
}
