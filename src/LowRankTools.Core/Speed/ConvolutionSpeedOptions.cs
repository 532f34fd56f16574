using LowRankTools.Core.Layers;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Speed;

/// <summary>How convolutions are timed; with one image unless told otherwise.</summary>
public sealed record ConvolutionSpeedOptions : FactoredSpeedOptions
{
    /// <summary>Options of one image of 32 x 32.</summary>
    public ConvolutionSpeedOptions() => BatchSize = 1;

    /// <summary>What chain; Auto for all of them, one result each.</summary>
    public FactorMethod Method { get; init; } = FactorMethod.Auto;

    /// <summary>Lines of an image.</summary>
    public int Height { get; init; } = 32;

    /// <summary>Pixels of a line.</summary>
    public int Width { get; init; } = 32;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        if (Height < 1 || Width < 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"There are no images of {Height} x {Width}.", "Sizes of images are at least 1.");
    }
}
