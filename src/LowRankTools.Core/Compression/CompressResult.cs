using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;

namespace LowRankTools.Core.Compression;

/// <summary>A model that was made smaller by one command, with the protocol of how.</summary>
public sealed record CompressResult
{
    /// <summary>Full path of the smaller model: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Full path of the original.</summary>
    public required string Source { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>What the chosen layers became: Svd, pairs, or Pivoted, pivoted pairs.</summary>
    public required FactorMethod Method { get; init; }

    /// <summary>Full path of the text or token file.</summary>
    public required string Text { get; init; }

    /// <summary>Lines that calibrated and trained.</summary>
    public required int Lines { get; init; }

    /// <summary>Lines that the ranks were exchanged by, on which nothing was fitted; 0 where they were not.</summary>
    public required int SelectionLines { get; init; }

    /// <summary>How the ranks were exchanged between layers; null where they were not.</summary>
    public PlanMeasurement? Measurement { get; init; }

    /// <summary>Lines that judged, on which nothing else was done.</summary>
    public required int JudgedLines { get; init; }

    /// <summary>Layers that became pairs.</summary>
    public required int FactorizedLayers { get; init; }

    /// <summary>Share of their parameters that the chosen layers kept together.</summary>
    public required double KeptRatio { get; init; }

    /// <summary>Layers that no gradient came to and that stayed dense therefore.</summary>
    public required IReadOnlyList<string> WithoutGradients { get; init; }

    /// <summary>Full path of the calibration that the plan rests on.</summary>
    public required string Calibration { get; init; }

    /// <summary>Full path of the calibration behind compressed layers that the factors rest on; null where there was none.</summary>
    public string? SequentialCalibration { get; init; }

    /// <summary>The model as it was judged.</summary>
    public required ModelQuality Quality { get; init; }

    /// <summary>The model before its training; null where there was none.</summary>
    public ModelQuality? QualityBeforeTraining { get; init; }

    /// <summary>What was done, in order, and how long it took.</summary>
    public required IReadOnlyList<CompressStep> Steps { get; init; }

    /// <summary>Wall-clock time of everything.</summary>
    public required double Seconds { get; init; }
}

/// <summary>One step of a compression.</summary>
/// <param name="Name">Calibrate, Plan, Recalibrate, Factorize, Train or Judge.</param>
/// <param name="Seconds">Wall-clock time, reading and writing included.</param>
/// <param name="Figures">What came of it, for people.</param>
public sealed record CompressStep(string Name, double Seconds, string Figures)
{
    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Name}, {Seconds:F1} s: {Figures}");
}
