using LowRankTools.Core.Engines;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Speed;

/// <summary>How models are timed.</summary>
public sealed record ModelSpeedOptions
{
    /// <summary>Most tokens of a sequence unless told otherwise.</summary>
    public const int DefaultSequenceLength = 512;

    /// <summary>Ranks at which each model is timed once more, its linear layers replaced in memory; empty for the models as they are.</summary>
    public IReadOnlyList<int> Ranks { get; init; } = [];

    /// <summary>Sequences, pairs of sequences or images at once.</summary>
    public int BatchSize { get; init; } = 1;

    /// <summary>Tokens of a sequence; null for as many as the network has positions, but <see cref="DefaultSequenceLength"/> at most. Images have their own size.</summary>
    public int? SequenceLength { get; init; }

    /// <summary>What computes.</summary>
    public EngineChoice Engine { get; init; } = EngineChoice.Auto;

    /// <summary>Threads; zero for the engine's default.</summary>
    public int ThreadCount { get; init; }

    /// <summary>How often and how long the models are timed.</summary>
    public TimingOptions Timing { get; init; } = new() { TimeLimit = TimeSpan.FromSeconds(5) };

    /// <summary>Refuses what has no meaning for any model.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public void Validate()
    {
        if (Ranks.Any(r => r < 1))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A pair cannot have rank {Ranks.Min()}.", "-Rank is at least 1.");
        if (BatchSize < 1 || SequenceLength < 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A network cannot run on less than one token.", "-BatchSize and -SequenceLength are at least 1.");
        Timing.Validate();
    }

    /// <summary>Tokens of a sequence for a network.</summary>
    internal int LengthFor(TransformerConfig config) =>
        SequenceLength ?? Math.Min(config.MaxTokens ?? DefaultSequenceLength, DefaultSequenceLength);
}
