using LowRankTools.Core.Models;
using LowRankTools.Core.Records;

namespace LowRankTools.Core.Plans;

/// <summary>The calibration that a plan was made with, so that it is found again when the plan is carried out.</summary>
public sealed record PlanCalibration
{
    /// <summary>Full path of the file.</summary>
    public required string Path { get; init; }

    /// <summary>Fingerprint of its content, <see cref="ModelFingerprint"/>.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>How much of it was used.</summary>
    public required CalibrationMode Mode { get; init; }

    /// <summary>Share of its mean diagonal entry that was added to the diagonal of every Gram matrix.</summary>
    public required double Damping { get; init; }

    internal CalibrationOptions ToOptions() => new() { Path = Path, Fingerprint = Fingerprint, Mode = Mode, Damping = Damping };
}
