namespace LowRankTools.Networks.Architectures;

/// <summary>
/// Shape of an encoder-decoder as the package x-transformers builds it (<c>XTransformer</c>, 2022): pre-norm layers,
/// learned positions scaled by width^-0.5, cross attention in every decoder layer, one token embedding for both sides.
/// The defaults are the seed notebook's network of 45,555,200 parameters.
/// </summary>
public sealed record EncoderDecoderConfig : TransformerConfig
{
    /// <summary>Features of a token, <c>dim</c>.</summary>
    public int Width { get; init; } = 512;

    /// <summary>Features of one head, <c>attn_dim_head</c>.</summary>
    public int HeadWidth { get; init; } = 64;

    /// <summary>Features inside the feed-forward part over the width, <c>ff_mult</c>.</summary>
    public int HiddenFactor { get; init; } = 4;

    /// <summary>The side that reads the source, fields <c>enc_*</c>.</summary>
    public SideConfig Encoder { get; init; } = new();

    /// <summary>The side that reads the target, fields <c>dec_*</c>.</summary>
    public SideConfig Decoder { get; init; } = new();

    /// <summary>Whether both sides have one token embedding, <c>tie_token_emb</c>.</summary>
    public bool TiedEmbedding { get; init; } = true;

    /// <summary>Features inside the feed-forward part.</summary>
    public int Hidden => Width * HiddenFactor;

    /// <inheritdoc/>
    public override string ModelType => "x-transformers";

    /// <inheritdoc/>
    public override NetworkInput Input => NetworkInput.TokenPairs;

    /// <inheritdoc/>
    public override int? MaxTokens => Math.Min(Encoder.Length, Decoder.Length);

    /// <inheritdoc/>
    public override int TokenCount => Math.Min(Encoder.Tokens, Decoder.Tokens);

    /// <inheritdoc/>
    public override int WidestLayer => Math.Max(Hidden, Decoder.Tokens);

    /// <inheritdoc/>
    public override void Check()
    {
        Size("dim", Width);
        Size("attn_dim_head", HeadWidth);
        Size("ff_mult", HiddenFactor, MaxWidth / Width);
        CheckSide("enc", Encoder);
        CheckSide("dec", Decoder);
        if (TiedEmbedding && Encoder.Tokens != Decoder.Tokens)
            throw Invalid($"tie_token_emb needs one number of tokens; there are {Encoder.Tokens} and {Decoder.Tokens}.");
    }

    private void CheckSide(string name, SideConfig side)
    {
        Size($"{name}_num_tokens", side.Tokens);
        Size($"{name}_depth", side.Depth, MaxDepth);
        Size($"{name}_heads", side.Heads, MaxWidth / HeadWidth);
        Size($"{name}_max_seq_len", side.Length);
    }
}

/// <summary>One side of an encoder-decoder.</summary>
public sealed record SideConfig
{
    /// <summary>Number of different tokens, <c>num_tokens</c>.</summary>
    public int Tokens { get; init; } = 256;

    /// <summary>Blocks, <c>depth</c>: attention and feed-forward, in the decoder with cross attention between.</summary>
    public int Depth { get; init; } = 6;

    /// <summary>Attention heads of a layer, <c>heads</c>.</summary>
    public int Heads { get; init; } = 8;

    /// <summary>Learned positions, <c>max_seq_len</c>.</summary>
    public int Length { get; init; } = 1024;
}
