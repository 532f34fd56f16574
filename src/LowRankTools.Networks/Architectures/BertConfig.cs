using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Architectures;

/// <summary>Shape of a BERT encoder (Devlin et al., "BERT", 2018).</summary>
public sealed record BertConfig : TransformerConfig
{
    /// <summary>Number of different tokens, <c>vocab_size</c>.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Features of a token, <c>hidden_size</c>.</summary>
    public required int Width { get; init; }

    /// <summary>Layers, <c>num_hidden_layers</c>.</summary>
    public required int Depth { get; init; }

    /// <summary>Attention heads of a layer, <c>num_attention_heads</c>.</summary>
    public required int Heads { get; init; }

    /// <summary>Features inside the feed-forward part, <c>intermediate_size</c>.</summary>
    public required int Hidden { get; init; }

    /// <summary>Learned positions, <c>max_position_embeddings</c>.</summary>
    public int Positions { get; init; } = 512;

    /// <summary>Kinds of segments, <c>type_vocab_size</c>.</summary>
    public int Segments { get; init; } = 2;

    /// <summary>Added to the variance in every normalisation, <c>layer_norm_eps</c>.</summary>
    public double Epsilon { get; init; } = 1e-12;

    /// <summary>Activation of the feed-forward part, <c>hidden_act</c>.</summary>
    public Activation Activation { get; init; } = Activation.Gelu;

    /// <summary>Whether the first token's state passes a dense layer and tanh.</summary>
    public bool HasPooler { get; init; } = true;

    /// <summary>Whether there is a head that predicts masked tokens, tied to the token embedding.</summary>
    public bool HasTokenHead { get; init; }

    /// <summary>Classes that a classifier on the pooled state tells apart; zero where there is none.</summary>
    public int Labels { get; init; }

    /// <inheritdoc/>
    public override string ModelType => "bert";

    /// <inheritdoc/>
    public override int? MaxTokens => Positions;

    /// <inheritdoc/>
    public override int TokenCount => Vocabulary;

    /// <inheritdoc/>
    public override int Classes => HasTokenHead ? 0 : Labels;

    /// <inheritdoc/>
    public override int WidestLayer => Math.Max(Hidden, HasTokenHead ? Vocabulary : Width);

    /// <inheritdoc/>
    public override IReadOnlyList<string> TiedNames => ["cls.predictions.decoder.weight", "cls.predictions.decoder.bias"];

    /// <inheritdoc/>
    public override void Check()
    {
        Size("vocab_size", Vocabulary);
        Size("hidden_size", Width);
        Size("num_hidden_layers", Depth, MaxDepth);
        Divides("num_attention_heads", Heads, "hidden_size", Width);
        Size("intermediate_size", Hidden);
        Size("max_position_embeddings", Positions);
        Size("type_vocab_size", Segments);
        Positive("layer_norm_eps", Epsilon);
        if (Labels > 0 && !HasPooler)
            throw Invalid("A classifier needs the pooled state.");
    }
}
