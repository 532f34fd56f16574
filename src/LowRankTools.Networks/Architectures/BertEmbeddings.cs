using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Architectures;

/// <summary>norm(word + position + segment).</summary>
internal sealed class BertEmbeddings : Module
{
    private readonly Slot<EmbeddingLayer> _positions, _segments;
    private readonly Slot<Layer> _norm;

    public BertEmbeddings(ParameterFactory factory, BertConfig config)
    {
        Words = AddChild<EmbeddingLayer>("word_embeddings", new Embedding(factory.Normal(0.02, config.Vocabulary, config.Width)));
        _positions = AddChild<EmbeddingLayer>("position_embeddings", new Embedding(factory.Normal(0.02, config.Positions, config.Width)));
        _segments = AddChild<EmbeddingLayer>("token_type_embeddings", new Embedding(factory.Normal(0.02, config.Segments, config.Width)));
        _norm = AddChild<Layer>("LayerNorm", new LayerNorm(factory, config.Width, config.Epsilon));
    }

    /// <summary>The place of the token embedding.</summary>
    public Slot<EmbeddingLayer> Words { get; }

    public ITensor Forward(Pass pass, TokenBatch tokens)
    {
        ITensor x = Words.Module.Forward(pass, tokens.Ids);
        ResidualStep.Add(pass, _positions.Module.Forward(pass, tokens.Positions()), x);
        ResidualStep.Add(pass, _segments.Module.Forward(pass, tokens.Segments ?? new int[tokens.Ids.Length]), x);
        return pass.Through(_norm.Module, x);
    }

    public void Backward(Pass pass, ITensor gradient)
    {
        gradient = _norm.Module.Backward(pass, gradient);
        _segments.Module.Backward(pass, pass.Engine.Copy(gradient, gradient.ElementType));
        _positions.Module.Backward(pass, pass.Engine.Copy(gradient, gradient.ElementType));
        Words.Module.Backward(pass, gradient);
    }
}
