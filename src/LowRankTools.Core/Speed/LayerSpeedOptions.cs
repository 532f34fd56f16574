using LowRankTools.Core.Engines;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Speed;

/// <summary>How layers are timed.</summary>
public sealed record LayerSpeedOptions
{
    /// <summary>Tokens unless told otherwise: a short text, or a few requests at once.</summary>
    public const int DefaultBatchSize = 128;

    /// <summary>Ranks of the pairs; empty for the rank at which a pair keeps half of the layer's parameters.</summary>
    public IReadOnlyList<int> Ranks { get; init; } = [];

    /// <summary>Tokens that the layer is called with.</summary>
    public int BatchSize { get; init; } = DefaultBatchSize;

    /// <summary>Whether the rank is searched at which the pair stops being faster.</summary>
    public bool FindBreakEven { get; init; } = true;

    /// <summary>What computes.</summary>
    public EngineChoice Engine { get; init; } = EngineChoice.Auto;

    /// <summary>Threads; zero for the engine's default.</summary>
    public int ThreadCount { get; init; }

    /// <summary>How often and how long each rank is timed.</summary>
    public TimingOptions Timing { get; init; } = new();

    /// <summary>Refuses what has no meaning for any layer.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public void Validate()
    {
        if (BatchSize < 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A layer cannot be called with {BatchSize} tokens.", "-BatchSize is at least 1.");
        if (Ranks.Any(r => r < 1))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A pair cannot have rank {Ranks.Min()}.", "-Rank is at least 1.");
        Timing.Validate();
    }
}
