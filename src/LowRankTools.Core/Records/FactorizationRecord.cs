using System.Text;
using System.Text.Json;
using LowRankTools.Core.Models;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;

namespace LowRankTools.Core.Records;

/// <summary>
/// What a factorized model says of itself: stands as <c>lowrank.json</c> beside the weights and inside their metadata.
/// It holds no times and no machine's names, so that two runs on one input give the same bytes
/// on processors of one instruction set.
/// </summary>
public sealed record FactorizationRecord
{
    /// <summary>Key of the record in the weights' metadata.</summary>
    public const string MetadataKey = "lowrank";

    /// <summary>Name of the file beside the weights.</summary>
    public const string FileName = "lowrank.json";

    private const int MaxBytes = 100_000_000;

    /// <summary>Version of this record's layout.</summary>
    public int Version { get; init; } = 1;

    /// <summary>Version of records that speak of chains of convolutions too.</summary>
    internal const int WithChains = 2;

    /// <summary>Name of the dense model.</summary>
    public required string Source { get; init; }

    /// <summary>Fingerprint of the dense model, <see cref="ModelFingerprint"/>.</summary>
    public required string SourceFingerprint { get; init; }

    /// <summary>How the ranks were chosen, such as <c>Rank 64</c>.</summary>
    public required string Rule { get; init; }

    /// <summary>Which side the singular values went to.</summary>
    public required FactorSplit Split { get; init; }

    /// <summary>Seed of the randomized algorithms.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Engine, device and instruction set that computed, such as <c>Embedded on cpu, AVX2</c>: the same input and seed
    /// give the same bytes on each, and bytes that differ in the last places between them. Null in records of older versions.</summary>
    public string? ComputedBy { get; init; }

    /// <summary>How inputs were used; null where none were.</summary>
    public CalibrationRecord? Calibration { get; init; }

    /// <summary>The layers that became pairs or chains.</summary>
    public required IReadOnlyList<FactorizedLayerRecord> Layers { get; init; }

    /// <summary>The record of an opened model: from its metadata, or from the file beside it; null where there is none.</summary>
    /// <exception cref="ModelFormatException"><c>HeaderInvalid</c>: there is one and it is damaged; <c>ReferencedFileOutside</c>, <c>NotARegularFile</c>.</exception>
    public static FactorizationRecord? Find(TensorFile file)
    {
        try
        {
            if (file.Metadata.TryGetValue(MetadataKey, out string? text))
                return Checked(JsonSerializer.Deserialize(text, RecordJson.Default.FactorizationRecord));
            // What lies beside a file on a server is not asked for.
            if (file.Transfer is not null || SiblingPath.Companion(Path.GetDirectoryName(file.Path)!, FileName) is not { } beside || RegularFile.ReadAllBytes(beside, MaxBytes) is not { } json)
                return null;
            FactorizationRecord? record = Checked(JsonSerializer.Deserialize(json, RecordJson.Default.FactorizationRecord));
            // The folder may hold other models too: the record is this one's only if its factors are here.
            return record is not null && record.Describes(file) ? record : null;
        }
        catch (JsonException e)
        {
            throw new ModelFormatException(FormatErrors.HeaderInvalid, $"The record of its factorization is damaged: {e.Message}", file.Path,
                remedy: $"Restore or remove {FileName}.", inner: e);
        }
    }

    /// <summary>The record as one line, for metadata.</summary>
    public string ToMetadata() => Encoding.UTF8.GetString(FactorizationRecordWriter.Write(this, indented: false));

    /// <summary>The record as a file for people.</summary>
    public byte[] ToFile() => [.. FactorizationRecordWriter.Write(this, indented: true), (byte)'\n'];

    /// <summary>The serializer refuses null where a property cannot be it, and lets it through where an element cannot.</summary>
    private static FactorizationRecord? Checked(FactorizationRecord? record) =>
        record?.Layers.Contains(null!) == true ? throw new JsonException("a layer is null") : record;

    private bool Describes(TensorFile file)
    {
        HashSet<string> names = file.Tensors.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        return Layers.Count > 0 && Layers.All(l => FactorsRecord.NamesOf(l).All(names.Contains));
    }
}
