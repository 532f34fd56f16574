using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Architectures;

/// <summary>
/// Shape of a Llama decoder (Touvron et al., "LLaMA", 2023): RMS normalisation, rotary positions, grouped queries,
/// gated feed-forward.
/// </summary>
public sealed record LlamaConfig : TransformerConfig
{
    /// <summary>Number of different tokens, <c>vocab_size</c>.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Features of a token, <c>hidden_size</c>.</summary>
    public required int Width { get; init; }

    /// <summary>Layers, <c>num_hidden_layers</c>.</summary>
    public required int Depth { get; init; }

    /// <summary>Query heads of a layer, <c>num_attention_heads</c>.</summary>
    public required int Heads { get; init; }

    /// <summary>Heads of keys and values, <c>num_key_value_heads</c>; each serves Heads / KeyValueHeads query heads.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Features of one head, <c>head_dim</c>; an even number, for positions turn pairs of features.</summary>
    public required int HeadWidth { get; init; }

    /// <summary>Name of the field for <see cref="ValueWidth"/>, DeepSeek's; Llama's networks elsewhere do not read it.</summary>
    public const string ValueField = "v_head_dim";

    /// <summary>Features of one head of values, <c>v_head_dim</c>; 0 for as many as queries and keys have.</summary>
    public int ValueWidth { get; init; }

    /// <summary>Features inside the feed-forward part, <c>intermediate_size</c>.</summary>
    public required int Hidden { get; init; }

    /// <summary>Longest sequence it was trained for, <c>max_position_embeddings</c>.</summary>
    public int Positions { get; init; } = 2048;

    /// <summary>Added to the mean square in every normalisation, <c>rms_norm_eps</c>.</summary>
    public double Epsilon { get; init; } = 1e-6;

    /// <summary>Activation of the gate, <c>hidden_act</c>.</summary>
    public Activation Activation { get; init; } = Activation.Silu;

    /// <summary>Turns of the rotary positions.</summary>
    public RotaryConfig Rotary { get; init; } = new();

    /// <summary>Whether queries, keys, values and outputs have biases, <c>attention_bias</c>.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether the feed-forward part has biases, <c>mlp_bias</c>.</summary>
    public bool HiddenBias { get; init; }

    /// <summary>Whether there is a head that predicts the next token.</summary>
    public bool HasTokenHead { get; init; } = true;

    /// <summary>Whether that head is the token embedding itself, <c>tie_word_embeddings</c>.</summary>
    public bool TiedHead { get; init; }

    /// <inheritdoc/>
    public override bool PredictsNextToken => HasTokenHead;

    /// <inheritdoc/>
    public override string ModelType => "llama";

    /// <inheritdoc/>
    public override int? MaxTokens => Positions;

    /// <inheritdoc/>
    public override int TokenCount => Vocabulary;

    /// <inheritdoc/>
    public override int WidestLayer => Math.Max(Hidden, HasTokenHead ? Vocabulary : Width);

    /// <inheritdoc/>
    public override IReadOnlyList<string> TiedNames => TiedHead ? ["lm_head.weight"] : [];

    /// <inheritdoc/>
    public override void Check()
    {
        Size("vocab_size", Vocabulary);
        Size("hidden_size", Width);
        Size("num_hidden_layers", Depth, MaxDepth);
        Size("num_attention_heads", Heads);
        Divides("num_key_value_heads", KeyValueHeads, "num_attention_heads", Heads);
        Size("head_dim", HeadWidth);
        if (HeadWidth % 2 != 0 || (long)HeadWidth * Heads > MaxWidth)
            throw Invalid($"head_dim is {HeadWidth}; it must be even, and all heads together at most {MaxWidth} wide.");
        if (ValueWidth < 0 || (long)ValueWidth * Heads > MaxWidth)
            throw Invalid($"{ValueField} is {ValueWidth}; it must be positive, and all heads together at most {MaxWidth} wide.");
        Size("intermediate_size", Hidden);
        Size("max_position_embeddings", Positions);
        Positive("rms_norm_eps", Epsilon);
        Rotary.Check(HeadWidth);
    }
}
