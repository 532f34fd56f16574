using LowRankTools.Core.Engines;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Speed;

/// <summary>How layers over activations of several modes are timed.</summary>
public sealed record ContractionSpeedOptions
{
    /// <summary>The layer; null for all that there are for the modes.</summary>
    public ContractionMethod? Method { get; init; }

    /// <summary>Ranks of the weight, each that of all modes or bonds of one run, as far as these have it; empty for the largest that <see cref="KeepRatio"/> allows. A contraction has none.</summary>
    public IReadOnlyList<int> Ranks { get; init; } = [];

    /// <summary>Most of the matrix's parameters that a decomposed weight keeps, above 0 and below 1.</summary>
    public double KeepRatio { get; init; } = 0.5;

    /// <summary>Activations that the layer is called with.</summary>
    public int BatchSize { get; init; } = LayerSpeedOptions.DefaultBatchSize;

    /// <summary>What computes.</summary>
    public EngineChoice Engine { get; init; } = EngineChoice.Auto;

    /// <summary>Threads; zero for the engine's default.</summary>
    public int ThreadCount { get; init; }

    /// <summary>How often and how long each is timed.</summary>
    public TimingOptions Timing { get; init; } = new();

    /// <summary>Refuses what has no meaning for any layer.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public void Validate()
    {
        if (BatchSize < 1 || Ranks.Any(r => r < 1))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Ranks and numbers of activations are at least 1.");
        if (!(KeepRatio > 0 && KeepRatio < 1))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A kept ratio lies between 0 and 1.");
        Timing.Validate();
    }
}
