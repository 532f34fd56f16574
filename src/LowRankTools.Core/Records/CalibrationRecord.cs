using LowRankTools.Core.Models;

namespace LowRankTools.Core.Records;

/// <summary>What a factorized model says of its calibration.</summary>
public sealed record CalibrationRecord
{
    /// <summary>Name of the file, without its folder.</summary>
    public required string File { get; init; }

    /// <summary>Fingerprint of the file, <see cref="ModelFingerprint"/>.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>How much of the inputs was used.</summary>
    public required CalibrationMode Mode { get; init; }

    /// <summary>Share of its mean diagonal entry that was added to the diagonal of every Gram matrix.</summary>
    public required double Damping { get; init; }

    /// <summary>Whether the left factors were fitted again to the right ones as stored.</summary>
    public bool Refit { get; init; }
}
