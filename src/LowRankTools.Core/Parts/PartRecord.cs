using System.Security.Cryptography;
using System.Text.Json;
using LowRankTools.Core.Planning;

namespace LowRankTools.Core.Parts;

/// <summary>
/// What a part says of itself: which one it is, what it was made of and with, and what was measured. All that is needed to
/// complete the model without being told again. Parts that belong together have one <see cref="Identity"/>.
/// </summary>
internal sealed record PartRecord
{
    /// <summary>Key of the record in the metadata of a part's file.</summary>
    public const string MetadataKey = "lowrank.part";

    /// <summary>Version of the layout that is written and read.</summary>
    public const int CurrentVersion = 2;

    /// <summary>Version of this record's layout.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Which part, from 1.</summary>
    public required int Part { get; init; }

    /// <summary>Parts in all.</summary>
    public required int Of { get; init; }

    /// <summary>SHA-256 of everything that all parts have in common.</summary>
    public string Identity { get; init; } = "";

    /// <summary>Full path of the model as it was then; another one may be named when the parts are joined.</summary>
    public required string SourcePath { get; init; }

    /// <summary>Name of the file of weights in the output.</summary>
    public required string WeightsName { get; init; }

    /// <summary>Whether the output has a folder of its own.</summary>
    public required bool OwnFolder { get; init; }

    /// <summary>Everything that decides about the bytes of the output.</summary>
    public required PartOptions Options { get; init; }

    /// <summary>The plan on one line, without the path of its model.</summary>
    public required string Plan { get; init; }

    /// <summary>The layers of this part.</summary>
    public required IReadOnlyList<PartLayer> Layers { get; init; }

    /// <summary>The record with its identity: that of its content without what differs from part to part or from machine to machine.</summary>
    public PartRecord Identified()
    {
        PartRecord common = this with { Part = 0, Identity = "", SourcePath = "", Layers = [], Options = Options with { Calibration = Options.Calibration is { } used ? used with { Path = "" } : null } };
        return this with { Identity = Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(common, PartJson.Default.PartRecord))) };
    }

    /// <summary>What tells two parts apart that do not belong together, for people; null where they do.</summary>
    public string? DifferenceFrom(PartRecord other)
    {
        if (Identity == other.Identity)
            return null;
        if (Of != other.Of)
            return $"it is one of {Of} parts and the other one of {other.Of}";
        string? fingerprint = RankPlanFile.Parse(System.Text.Encoding.UTF8.GetBytes(Plan), "the plan").Fingerprint, others = RankPlanFile.Parse(System.Text.Encoding.UTF8.GetBytes(other.Plan), "the plan").Fingerprint;
        return fingerprint != others ? "it was made from another model"
            : Options.DifferenceFrom(other.Options) ?? (Plan != other.Plan ? "it was made by another plan" : "it goes to another file");
    }
}

/// <summary>A layer that a part holds.</summary>
/// <param name="Name">Name of the dense weight.</param>
/// <param name="Error">||W - W'|| / ||W|| of the factors as stored.</param>
/// <param name="SquaredNorm">||W||^2.</param>
/// <param name="Algorithm">What found the factors.</param>
/// <param name="Calibrated">The error on the calibration inputs; null without.</param>
/// <param name="HeldOut">The error on inputs that nothing was fitted on; null without.</param>
/// <param name="Checksum">Of both factors' bytes, the first one's before the second one's, and of what was measured.</param>
internal sealed record PartLayer(string Name, double Error, double SquaredNorm, string Algorithm, double? Calibrated, double? HeldOut, string Checksum)
{
    /// <summary>The layer with its checksum.</summary>
    /// <param name="factors">Has been given the bytes of both factors; it begins anew.</param>
    public PartLayer Checked(PartChecksum factors)
    {
        PartLayer open = this with { Checksum = "" };
        factors.Append(JsonSerializer.SerializeToUtf8Bytes(open, PartJson.Default.PartLayer));
        return open with { Checksum = factors.Complete() };
    }
}
