using LowRankTools.Core.Layers;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Factorization;

/// <summary>A weight that becomes factors which are computed as it is written: the two of a pair, or the kernels of a chain of convolutions.</summary>
internal sealed record FactoredItem(ModelLayer Layer, LayerPlan Plan, IReadOnlyList<TensorSpec> Factors) : OutputItem
{
    /// <summary>Further layers that share the first factor: their own follow the layer's, in order. None for most.</summary>
    public IReadOnlyList<(ModelLayer Layer, LayerPlan Plan)> Sharing { get; init; } = [];

    /// <summary>Every layer that the factors stand for.</summary>
    public IReadOnlyList<ModelLayer> Layers => [Layer, .. Sharing.Select(s => s.Layer)];

    /// <summary>What was planned for each of them.</summary>
    public IReadOnlyList<LayerPlan> Plans => [Plan, .. Sharing.Select(s => s.Plan)];

    /// <summary>The tensors of each factor where they are quantised; null where each is one tensor.</summary>
    public IReadOnlyList<IReadOnlyList<TensorSpec>>? Parts { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<TensorSpec> Written => Parts is { } parts ? parts.SelectMany(p => p) : Factors;
}
