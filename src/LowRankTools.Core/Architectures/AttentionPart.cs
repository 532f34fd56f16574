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
    /// <summary>What makes queries and keys, whose features positions turn.</summary>
    public IEnumerable<ModelLayer> Turned => ((ModelLayer?[])[Query, QueryBias, Key, KeyBias]).OfType<ModelLayer>();

    /// <summary>What makes values and reads them; the output's bias keeps its size.</summary>
    public IEnumerable<ModelLayer> Gathered => ((ModelLayer?[])[Value, ValueBias, Output, OutputBias]).OfType<ModelLayer>();
}
