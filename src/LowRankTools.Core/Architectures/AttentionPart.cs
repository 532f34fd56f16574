using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Architectures;

/// <summary>The attention of one block of a decoder, each of its projections a weight of its own.</summary>
/// <param name="Query">Rows are features of queries, a head after the other.</param>
/// <param name="Key">The same of keys.</param>
/// <param name="Value">The same of values.</param>
/// <param name="Output">Reads what the heads have gathered of the values.</param>
/// <param name="QueryBias">Bias of queries, where there is one; so the next.</param>
/// <param name="KeyBias">Of keys.</param>
/// <param name="ValueBias">Of values.</param>
/// <param name="OutputBias">Of the outputs.</param>
internal sealed record AttentionPart(ModelLayer Query, ModelLayer Key, ModelLayer Value, ModelLayer Output, ModelLayer? QueryBias, ModelLayer? KeyBias, ModelLayer? ValueBias, ModelLayer? OutputBias)
{
    /// <summary>All that gets another size with the heads; the output's bias changes its values alone.</summary>
    public IEnumerable<ModelLayer> Layers => ((ModelLayer?[])[Query, QueryBias, Key, KeyBias, Value, ValueBias, Output, OutputBias]).OfType<ModelLayer>();
}
