using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Architectures;

/// <summary>Shape of a Vision Transformer (Dosovitskiy et al., "An Image is Worth 16x16 Words", 2020).</summary>
public sealed record VitConfig : TransformerConfig
{
    /// <summary>Pixels a side of the square image, <c>image_size</c>.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Pixels a side of a square patch, <c>patch_size</c>.</summary>
    public required int PatchSize { get; init; }

    /// <summary>Channels of the image, <c>num_channels</c>.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>Features of a patch, <c>hidden_size</c>.</summary>
    public required int Width { get; init; }

    /// <summary>Layers, <c>num_hidden_layers</c>.</summary>
    public required int Depth { get; init; }

    /// <summary>Attention heads of a layer, <c>num_attention_heads</c>.</summary>
    public required int Heads { get; init; }

    /// <summary>Features inside the feed-forward part, <c>intermediate_size</c>.</summary>
    public required int Hidden { get; init; }

    /// <summary>Added to the variance in every normalisation, <c>layer_norm_eps</c>.</summary>
    public double Epsilon { get; init; } = 1e-12;

    /// <summary>Activation of the feed-forward part, <c>hidden_act</c>.</summary>
    public Activation Activation { get; init; } = Activation.Gelu;

    /// <summary>Whether queries, keys and values have biases, <c>qkv_bias</c>.</summary>
    public bool QueryBias { get; init; } = true;

    /// <summary>Whether the class token's state passes a dense layer and tanh.</summary>
    public bool HasPooler { get; init; }

    /// <summary>Classes of the classifier; zero where there is none.</summary>
    public int Labels { get; init; }

    /// <summary>Patches of an image.</summary>
    public int Patches => ImageSize / PatchSize * (ImageSize / PatchSize);

    /// <inheritdoc/>
    public override string ModelType => "vit";

    /// <inheritdoc/>
    public override NetworkInput Input => NetworkInput.Image;

    /// <inheritdoc/>
    public override int? MaxTokens => Patches + 1;

    /// <inheritdoc/>
    public override int WidestLayer => Math.Max(Hidden, Channels * PatchSize * PatchSize);

    /// <inheritdoc/>
    public override void Check()
    {
        // Sides are bounded so that a whole image, in pixels times channels, can be counted with an int.
        const int mostPixels = 1 << 14;
        Size("image_size", ImageSize, mostPixels);
        Divides("patch_size", PatchSize, "image_size", ImageSize);
        Size("num_channels", Channels, 64);
        Size("hidden_size", Width);
        Size("num_hidden_layers", Depth, MaxDepth);
        Divides("num_attention_heads", Heads, "hidden_size", Width);
        Size("intermediate_size", Hidden);
        Positive("layer_norm_eps", Epsilon);
        if (Labels is < 0 or > MaxWidth)
            throw Invalid($"There are {Labels} labels.");
    }
}
