using LowRankTools.Core.Engines;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Spectra;

/// <summary>Everything that <see cref="MeasureSpectra"/> can be told.</summary>
public sealed record SpectrumOptions
{
    /// <summary>Which layers are measured; all linear ones by default.</summary>
    public LayerSelection Selection { get; init; } = new();

    /// <summary>Most singular values that a result lists; zero for all. The measures are of all values in any case.</summary>
    public int Top { get; init; }

    /// <summary>Whether spectra are kept in the user's cache folder and taken from there.</summary>
    public bool UseCache { get; init; } = true;

    /// <summary>What computes.</summary>
    public EngineChoice Engine { get; init; } = EngineChoice.Auto;

    /// <summary>Threads.</summary>
    public SvdOptions Svd { get; init; } = SvdOptions.Default;

    /// <summary>Refuses numbers that mean nothing.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, or <c>EngineUnavailable</c>.</exception>
    public void Validate()
    {
        if (Top < 0)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"There cannot be {Top} singular values.", "-Top is at least 1.");
        EngineSelector.Select(Engine);
    }
}
