using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Architectures;

/// <summary>What a run gave. The tensors are the caller's, through this object.</summary>
public sealed class NetworkOutput : IDisposable
{
    /// <summary>The last states, tokens x width.</summary>
    public required ITensor Hidden { get; init; }

    /// <summary>One state a sequence, sequences x width; null where the network makes none.</summary>
    public ITensor? Pooled { get; init; }

    /// <summary>Scores: tokens x vocabulary, or sequences x classes; null where the network has no head.</summary>
    public ITensor? Logits { get; init; }

    /// <summary>What the network is for: the scores where it has a head, else the pooled states, else the last ones.</summary>
    public ITensor Result => Logits ?? Pooled ?? Hidden;

    /// <inheritdoc/>
    public void Dispose()
    {
        Hidden.Dispose();
        Pooled?.Dispose();
        Logits?.Dispose();
    }
}
