using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Architectures;

/// <summary>One side of an <see cref="EncoderDecoder"/>: embeddings, sublayers with their norms, a last norm, a head.</summary>
internal sealed class EncoderDecoderSide : Module
{
    private readonly double _positionScale;
    private readonly Slot<EmbeddingLayer> _positions;
    private readonly ModuleList<NormedSublayer> _layers;
    private readonly Slot<Layer> _norm;
    private readonly Slot<LinearLayer> _head;

    public EncoderDecoderSide(ParameterFactory factory, EncoderDecoderConfig config, SideConfig side, bool decoder, EmbeddingLayer? tied)
    {
        int width = config.Width;
        // x-transformers adds positions scaled so that they start small beside the tokens.
        _positionScale = 1 / Math.Sqrt(width);
        TokenEmbedding = AddChild("token_emb", tied ?? new Embedding(factory.Normal(Math.Sqrt(2.0 / width), side.Tokens, width)));
        Container positions = new("AbsolutePositionalEmbedding");
        _positions = positions.Add<EmbeddingLayer>("emb", new Embedding(factory, side.Length, width));
        AddChild("pos_emb", positions);
        Container layers = new(decoder ? "Decoder" : "Encoder");
        _layers = layers.Add("layers", new ModuleList<NormedSublayer>(Sublayers(factory, config, side, decoder))).Module;
        AddChild("attn_layers", layers);
        _norm = AddChild<Layer>("norm", new LayerNorm(factory, width));
        _head = AddChild<LinearLayer>("to_logits", new Linear(factory, width, side.Tokens));
    }

    public override string TypeName => "TransformerWrapper";

    /// <summary>The place of the token embedding.</summary>
    public Slot<EmbeddingLayer> TokenEmbedding { get; }

    /// <summary>Scores of the next token.</summary>
    public LinearLayer Head => _head.Module;

    public ITensor Forward(Pass pass, TokenBatch tokens, ITensor? memory = null, AttentionInput? memoryInput = null)
    {
        ITensor x = TokenEmbedding.Module.Forward(pass, tokens.Ids);
        ITensor positions = _positions.Module.Forward(pass, tokens.Positions());
        pass.Engine.AddScaled(_positionScale, positions, 1, x);
        pass.Release(positions);
        AttentionInput own = tokens.AttentionInput();
        foreach (NormedSublayer layer in _layers)
            x = layer.LooksAtMemory ? layer.Forward(pass, x, memoryInput!, memory) : layer.Forward(pass, x, own, null);
        return pass.Through(_norm.Module, x);
    }

    /// <summary>The gradient at the memory; null for a side that looks at none.</summary>
    public ITensor? Backward(Pass pass, ITensor gradient)
    {
        ITensor? dMemory = null;
        gradient = _norm.Module.Backward(pass, gradient);
        for (int i = _layers.Count - 1; i >= 0; i--)
        {
            (gradient, ITensor? more) = _layers[i].Backward(pass, gradient);
            if (dMemory is not null && more is not null)
                ResidualStep.Add(pass, more, dMemory);
            else
                dMemory ??= more;
        }
        ITensor positions = pass.New(gradient, [.. gradient.Shape]);
        pass.Engine.AddScaled(_positionScale, gradient, 0, positions);
        _positions.Module.Backward(pass, positions);
        TokenEmbedding.Module.Backward(pass, gradient);
        return dMemory;
    }

    private static IEnumerable<NormedSublayer> Sublayers(ParameterFactory factory, EncoderDecoderConfig config, SideConfig side, bool decoder)
    {
        for (int i = 0; i < side.Depth; i++)
        {
            yield return new NormedSublayer(new LayerNorm(factory, config.Width), Attention(causal: decoder));
            if (decoder)
                yield return new NormedSublayer(new LayerNorm(factory, config.Width), Attention(causal: false)) { LooksAtMemory = true };
            yield return new NormedSublayer(new LayerNorm(factory, config.Width), new XFeedForward(factory, config.Width, config.Hidden));
        }

        MultiHeadAttention Attention(bool causal)
        {
            int inner = side.Heads * config.HeadWidth;
            return new MultiHeadAttention(new AttentionOptions(side.Heads) { Causal = causal },
                new Linear(factory, config.Width, inner, bias: false), new Linear(factory, config.Width, inner, bias: false),
                new Linear(factory, config.Width, inner, bias: false), new Linear(factory, inner, config.Width));
        }
    }
}
