namespace LowRankTools.Core.Memory;

/// <summary>
/// What attention keeps of every token: keys and values of each layer's heads, or one latent vector for both where heads share
/// it (multi-head latent attention, DeepSeek-V2, 2024). Layers with a window keep the last tokens only.
/// </summary>
internal sealed record AttentionCache
{
    /// <summary>Architecture as the configuration names it.</summary>
    public required string ModelType { get; init; }

    /// <summary>Layers that keep every token.</summary>
    public required int FullLayers { get; init; }

    /// <summary>Layers that keep no more than <see cref="Window"/> tokens.</summary>
    public int WindowLayers { get; init; }

    /// <summary>Tokens that a layer with a window keeps.</summary>
    public int Window { get; init; } = int.MaxValue;

    /// <summary>Heads of keys and values; one for a latent cache.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Numbers of a key and a value of one head; of the latent vector where there is one.</summary>
    public required int HeadElements { get; init; }

    /// <summary>Tokens that the model was made for; null where the configuration does not say.</summary>
    public int? LongestContext { get; init; }

    /// <summary>What was taken for granted, in sentences.</summary>
    public IReadOnlyList<string> Assumptions { get; init; } = [];

    /// <summary>Numbers kept for one more token while no window is full: layers x heads x (key + value).</summary>
    public long ElementsPerToken => ElementsPerLayer * (FullLayers + WindowLayers);

    private long ElementsPerLayer => (long)KeyValueHeads * HeadElements;

    /// <summary>Numbers kept of a whole context.</summary>
    /// <param name="tokens">Its length.</param>
    /// <exception cref="OverflowException">More than 2^63.</exception>
    public long Elements(int tokens) => checked(ElementsPerLayer * ((long)FullLayers * tokens + (long)WindowLayers * Math.Min(tokens, Window)));
}
