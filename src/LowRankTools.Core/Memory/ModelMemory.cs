namespace LowRankTools.Core.Memory;

/// <summary>Memory that a model needs to run at one length of context: an estimate from its header and its configuration.</summary>
public sealed record ModelMemory
{
    /// <summary>Full path of the model, or its address: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>Architecture as the configuration names it.</summary>
    public required string ModelType { get; init; }

    /// <summary>Elements of all tensors, shared storage once.</summary>
    public required long Parameters { get; init; }

    /// <summary>Type that the weights are held in; <c>as stored</c> for the file's own.</summary>
    public required string WeightDType { get; init; }

    /// <summary>Bytes of the weights in that type.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Bytes of the weights by the type that they would be held in.</summary>
    public required IReadOnlyDictionary<string, long> WeightBytesByType { get; init; }

    /// <summary>Layers whose attention keeps tokens.</summary>
    public required int CacheLayers { get; init; }

    /// <summary>Heads of keys and values in each of them.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Type of keys and values in the cache.</summary>
    public required string CacheDType { get; init; }

    /// <summary>Bytes of the cache for one more token of one sequence: layers x heads x (key + value) x bytes of a number.</summary>
    public required long CacheBytesPerToken { get; init; }

    /// <summary>Tokens of a sequence.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Sequences at a time.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Bytes of the cache with all contexts full.</summary>
    public required long CacheBytes { get; init; }

    /// <summary>Weights and cache together.</summary>
    public long TotalBytes => WeightBytes + CacheBytes;

    /// <summary>What was taken for granted, in sentences.</summary>
    public required IReadOnlyList<string> Assumptions { get; init => field = new ShownList<string>(value); }

    /// <summary>Bytes that came over the network; null for a model on this machine.</summary>
    public long? TransferredBytes { get; init; }

    /// <summary>The path: what takes models takes this.</summary>
    public override string ToString() => Path;
}
