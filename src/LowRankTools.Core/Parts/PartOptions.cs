using LowRankTools.Core.Factorization;
using LowRankTools.Core.Records;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Parts;

/// <summary>The options of a factorization that decide about its bytes, as a part remembers them.</summary>
internal sealed record PartOptions
{
    /// <summary>Format of the output.</summary>
    public required ModelFormat Format { get; init; }

    /// <summary>Element type that was asked for.</summary>
    public required TensorDType? DType { get; init; }

    /// <summary>Where the singular values went.</summary>
    public required FactorSplit Split { get; init; }

    /// <summary>Whether zero biases are written.</summary>
    public required bool FirstBias { get; init; }

    /// <summary>Seed of the random start.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Accuracy and tuning numbers of the decompositions; threads are none of them.</summary>
    public required string Accuracy { get; init; }

    /// <summary>Most bytes a file of the output.</summary>
    public required long MaxShardBytes { get; init; }

    /// <summary>Whether the plan may be another model's.</summary>
    public required bool AnyModel { get; init; }

    /// <summary>Engine, device and instruction set that computed: between them the last places differ.</summary>
    public required string ComputedBy { get; init; }

    /// <summary>Inputs that the truncation was fitted to; null without.</summary>
    public required PartCalibration? Calibration { get; init; }

    /// <summary>The options of a job.</summary>
    public static PartOptions Of(FactorizationJob job) => new()
    {
        Format = job.Format,
        DType = job.Options.DType,
        Split = job.Options.Split,
        FirstBias = job.Options.FirstBias,
        Seed = job.Options.Svd.Seed,
        Accuracy = (job.Options.Svd with { ThreadCount = 0, Seed = 0 }).ToString(),
        MaxShardBytes = job.Options.MaxShardBytes,
        AnyModel = job.Options.AnyModel,
        ComputedBy = job.ComputedBy,
        Calibration = job.Options.Calibration is { } used
            ? new PartCalibration(used.Path, used.Mode, used.Damping, used.Refit, job.Calibrations!.Record.Fingerprint) : null,
    };

    /// <summary>The first option that is another one, for people; null where all are the same.</summary>
    public string? DifferenceFrom(PartOptions other) =>
        Named(nameof(Format), Format, other.Format) ?? Named(nameof(DType), DType, other.DType) ?? Named(nameof(Split), Split, other.Split)
        ?? Named(nameof(FirstBias), FirstBias, other.FirstBias) ?? Named(nameof(Seed), Seed, other.Seed) ?? Named(nameof(Accuracy), Accuracy, other.Accuracy)
        ?? Named(nameof(MaxShardBytes), MaxShardBytes, other.MaxShardBytes) ?? Named(nameof(AnyModel), AnyModel, other.AnyModel)
        ?? Named("engine", ComputedBy, other.ComputedBy) ?? Named("content of the calibration", Calibration?.Fingerprint, other.Calibration?.Fingerprint)
        ?? Named("mode of the calibration", Calibration?.Mode, other.Calibration?.Mode) ?? Named("refit", Calibration?.Refit, other.Calibration?.Refit)
        ?? Named("damping", Calibration?.Damping, other.Calibration?.Damping);

    private static string? Named<T>(string name, T mine, T others) =>
        EqualityComparer<T>.Default.Equals(mine, others) ? null : FormattableString.Invariant($"its {name} is {(object?)mine ?? "none"} and the other's {(object?)others ?? "none"}");
}

/// <summary>A calibration as a part remembers it.</summary>
/// <param name="Path">Full path of its file then.</param>
/// <param name="Mode">How much of it was used.</param>
/// <param name="Damping">What was added to the diagonals.</param>
/// <param name="Refit">Whether one factor was fitted again.</param>
/// <param name="Fingerprint">Fingerprint of its content.</param>
internal sealed record PartCalibration(string Path, CalibrationMode Mode, double Damping, bool Refit, string Fingerprint);
