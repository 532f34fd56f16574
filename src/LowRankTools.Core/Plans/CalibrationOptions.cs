using LowRankTools.Core.Calibration;
using LowRankTools.Core.Records;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Plans;

/// <summary>Inputs that a model was seen to work on, and how its truncation uses them.</summary>
public sealed record CalibrationOptions
{
    /// <summary>File with the layers' inputs or Gram matrices, <see cref="CalibrationFile"/>.</summary>
    public required string Path { get; init; }

    /// <summary>How much of the inputs is used.</summary>
    public CalibrationMode Mode { get; init; }

    /// <summary>
    /// Multiple of its mean diagonal entry that is added to the diagonal of every Gram matrix: directions that the
    /// calibration never saw keep a little weight, so that the rest of the rank goes to them.
    /// </summary>
    public double Damping { get; init; } = 1e-6;

    /// <summary>
    /// Whether the left factor, as it is stored, is fitted again by least squares to the right one as it is stored: repairs
    /// what rounding to a small type, or <see cref="CalibrationMode.Diagonal"/>, lost on the calibration inputs.
    /// </summary>
    public bool Refit { get; init; }

    /// <summary>What the file has to hold, as the plan that was made with it remembers; null for whatever it holds.</summary>
    internal string? Fingerprint { get; init; }

    /// <summary>Refuses numbers that mean nothing and files that are not there.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>PathNotFound</c>.</exception>
    internal void Validate()
    {
        if (!(Damping > 0) || !double.IsFinite(Damping))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Damping of a calibration is above 0.", "A small share such as 1e-6 does.");
        if (!File.Exists(Path))
        {
            throw Fingerprint is null ? new LowRankToolsException(CoreErrors.PathNotFound, $"There is no calibration file '{Path}'.")
                : new LowRankToolsException(CoreErrors.PathNotFound, $"{Path}: the plan was made with this calibration, which is not there any more.", "Name the file with -Calibration.");
        }
    }
}
