using LowRankTools.Core.Engines;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Speed;

/// <summary>How a layer is timed against factors in its place, whatever the layer.</summary>
public abstract record FactoredSpeedOptions
{
    /// <summary>Most of the layer's parameters that the factors keep, above 0 and below 1.</summary>
    public double KeepRatio { get; init; } = 0.5;

    /// <summary>Tokens, activations or images that the layer is called with.</summary>
    public int BatchSize { get; init; } = LayerSpeedOptions.DefaultBatchSize;

    /// <summary>What computes.</summary>
    public EngineChoice Engine { get; init; } = EngineChoice.Auto;

    /// <summary>Threads; zero for the engine's default.</summary>
    public int ThreadCount { get; init; }

    /// <summary>How often and how long each is timed.</summary>
    public TimingOptions Timing { get; init; } = new();

    /// <summary>Refuses what has no meaning for any layer.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public virtual void Validate()
    {
        if (BatchSize < 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A layer cannot be called with a batch of {BatchSize}.", "-BatchSize is at least 1.");
        if (!(KeepRatio > 0 && KeepRatio < 1))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A kept ratio lies between 0 and 1.");
        Timing.Validate();
    }

    private protected static void RequireRanks(IReadOnlyList<int> ranks)
    {
        if (ranks.Any(r => r < 1))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"No factors have rank {ranks.Min()}.", "-Rank is at least 1.");
    }
}
