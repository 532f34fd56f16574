using LowRankTools.Core.Engines;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Speed;

/// <summary>How TT-matrices are timed.</summary>
public sealed record TrainSpeedOptions
{
    /// <summary>Ranks of the bonds between cores, each the rank of all bonds of one run; empty for those that <see cref="KeepRatio"/> allows.</summary>
    public IReadOnlyList<int> Ranks { get; init; } = [];

    /// <summary>Most of the matrix's parameters that the cores keep, above 0 and below 1.</summary>
    public double KeepRatio { get; init; } = 0.5;

    /// <summary>How sizes are split into modes, as in <see cref="PlanOptions.Splits"/>.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Splits { get; init; } = [];

    /// <summary>Tokens that the layer is called with.</summary>
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
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Ranks and numbers of tokens are at least 1.");
        if (!(KeepRatio > 0 && KeepRatio < 1))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A kept ratio lies between 0 and 1.");
        Timing.Validate();
    }
}
