using LowRankTools.Core.Layers;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Factorization;

/// <summary>A weight that becomes factors which are computed as it is written: the two of a pair, or the kernels of a chain of convolutions.</summary>
internal sealed record FactoredItem(ModelLayer Layer, LayerPlan Plan, IReadOnlyList<TensorSpec> Factors) : OutputItem
{
    /// <summary>The tensors of each factor where they are quantised; null where each is one tensor.</summary>
    public IReadOnlyList<IReadOnlyList<TensorSpec>>? Parts { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<TensorSpec> Written => Parts is { } parts ? parts.SelectMany(p => p) : Factors;
}
