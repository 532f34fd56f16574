using LowRankTools.Core.Output;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Decompositions;

/// <summary>A tensor that becomes the factors of its decomposition, which are there already.</summary>
internal sealed record DecomposedItem(ComputedFactors Factors) : OutputItem
{
    /// <inheritdoc/>
    public override IEnumerable<TensorSpec> Written => Factors.Factors.Select(f => f.Spec);
}
