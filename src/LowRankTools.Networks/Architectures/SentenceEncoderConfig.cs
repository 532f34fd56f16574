namespace LowRankTools.Networks.Architectures;

/// <summary>
/// Shape of Universal Sentence Encoder lite (Cer et al., "Universal Sentence Encoder", 2018) as published for
/// TensorFlow.js: a pre-norm transformer whose first layer widens the tokens, the mean over them, one tanh layer,
/// unit length.
/// </summary>
public sealed record SentenceEncoderConfig : TransformerConfig
{
    /// <summary>Number of different tokens.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Features of a token as it is looked up.</summary>
    public required int EmbeddingWidth { get; init; }

    /// <summary>Features of a token after the first layer, and of a sentence.</summary>
    public required int Width { get; init; }

    /// <summary>Features inside the feed-forward part.</summary>
    public required int Hidden { get; init; }

    /// <summary>Layers.</summary>
    public required int Depth { get; init; }

    /// <summary>Attention heads of a layer.</summary>
    public required int Heads { get; init; }

    /// <summary>Tokens of a sentence that are read; the rest is left out.</summary>
    public int Positions { get; init; } = 128;

    /// <summary>Added to the variance in every normalisation.</summary>
    public double Epsilon { get; init; } = 1e-6;

    /// <inheritdoc/>
    public override string ModelType => "universal-sentence-encoder-lite";

    /// <inheritdoc/>
    public override int? MaxTokens => Positions;

    /// <inheritdoc/>
    public override int TokenCount => Vocabulary;

    /// <inheritdoc/>
    public override int WidestLayer => Math.Max(Hidden, 3 * Width);

    /// <inheritdoc/>
    public override void Check()
    {
        Size("vocabulary", Vocabulary);
        Divides("heads", Heads, "embedding width", EmbeddingWidth);
        Divides("heads", Heads, "width", Width);
        Size("width", Width);
        Size("hidden", Hidden);
        Size("depth", Depth, MaxDepth);
        Size("positions", Positions);
        Positive("epsilon", Epsilon);
        if (EmbeddingWidth < 4 || EmbeddingWidth % 2 != 0)
            throw Invalid($"The embedding is {EmbeddingWidth} wide; positions need an even number from 4.");
    }
}
