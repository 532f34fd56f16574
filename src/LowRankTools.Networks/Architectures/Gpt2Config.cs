using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Architectures;

/// <summary>Shape of a GPT-2 decoder (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019).</summary>
public sealed record Gpt2Config : TransformerConfig
{
    /// <summary>Number of different tokens, <c>vocab_size</c>.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Features of a token, <c>n_embd</c>.</summary>
    public required int Width { get; init; }

    /// <summary>Layers, <c>n_layer</c>.</summary>
    public required int Depth { get; init; }

    /// <summary>Attention heads of a layer, <c>n_head</c>.</summary>
    public required int Heads { get; init; }

    /// <summary>Features inside the feed-forward part, <c>n_inner</c>; four times the width where the file leaves it open.</summary>
    public required int Hidden { get; init; }

    /// <summary>Learned positions, <c>n_positions</c>.</summary>
    public int Positions { get; init; } = 1024;

    /// <summary>Added to the variance in every normalisation, <c>layer_norm_epsilon</c>.</summary>
    public double Epsilon { get; init; } = 1e-5;

    /// <summary>Activation of the feed-forward part, <c>activation_function</c>.</summary>
    public Activation Activation { get; init; } = Activation.GeluTanh;

    /// <summary>Whether there is a head that predicts the next token.</summary>
    public bool HasTokenHead { get; init; } = true;

    /// <summary>Whether that head is the token embedding itself, <c>tie_word_embeddings</c>.</summary>
    public bool TiedHead { get; init; } = true;

    /// <inheritdoc/>
    public override bool PredictsNextToken => HasTokenHead;

    /// <inheritdoc/>
    public override string ModelType => "gpt2";

    /// <inheritdoc/>
    public override int? MaxTokens => Positions;

    /// <inheritdoc/>
    public override int TokenCount => Vocabulary;

    /// <inheritdoc/>
    public override int WidestLayer => Math.Max(Math.Max(Hidden, 3 * Width), HasTokenHead ? Vocabulary : Width);

    /// <inheritdoc/>
    public override IReadOnlyList<string> TiedNames => TiedHead ? ["lm_head.weight"] : [];

    /// <inheritdoc/>
    public override void Check()
    {
        Size("vocab_size", Vocabulary);
        Size("n_embd", Width);
        Size("n_layer", Depth, MaxDepth);
        Divides("n_head", Heads, "n_embd", Width);
        Size("n_inner", Hidden);
        Size("n_positions", Positions);
        Positive("layer_norm_epsilon", Epsilon);
    }
}
