using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Speed;

/// <summary>How convolutions are timed.</summary>
public sealed record ConvolutionSpeedOptions
{
    /// <summary>What chain; Auto for all of them, one result each.</summary>
    public FactorMethod Method { get; init; } = FactorMethod.Auto;

    /// <summary>Most of its parameters that a chain keeps, above 0 and below 1.</summary>
    public double KeepRatio { get; init; } = 0.5;

    /// <summary>Lines of an image.</summary>
    public int Height { get; init; } = 32;

    /// <summary>Pixels of a line.</summary>
    public int Width { get; init; } = 32;

    /// <summary>Images that the layer is called with.</summary>
    public int BatchSize { get; init; } = 1;

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
        if (BatchSize < 1 || Height < 1 || Width < 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{BatchSize} images of {Height} x {Width} are none.", "Numbers and sizes of images are at least 1.");
        if (!(KeepRatio > 0 && KeepRatio < 1))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A kept ratio lies between 0 and 1.");
        Timing.Validate();
    }
}
