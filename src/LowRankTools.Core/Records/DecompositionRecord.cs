using System.Text.Json;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;

namespace LowRankTools.Core.Records;

/// <summary>
/// What a model with decomposed tensors says of them, in the weights' metadata: enough to make the tensors of their factors again. Holds no
/// times and no machine's names.
/// </summary>
public sealed record DecompositionRecord
{
    /// <summary>Key of the record in the weights' metadata.</summary>
    public const string MetadataKey = "lowrank.tensors";

    private const int MostTensors = 1_000_000;

    /// <summary>Version of this record's layout.</summary>
    public int Version { get; init; } = 1;

    /// <summary>Name of the dense model.</summary>
    public required string Source { get; init; }

    /// <summary>The method and what it was asked for, such as <c>TensorTrain, tolerance 0.1</c>.</summary>
    public required string Rule { get; init; }

    /// <summary>Seed of everything random.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The tensors that became factors.</summary>
    public required IReadOnlyList<DecomposedTensorRecord> Tensors { get; init; }

    /// <summary>The record of an opened model; null where there is none.</summary>
    /// <exception cref="ModelFormatException"><c>HeaderInvalid</c>: there is one and it is damaged.</exception>
    public static DecompositionRecord? Find(TensorFile file)
    {
        if (!file.Metadata.TryGetValue(MetadataKey, out string? text))
            return null;
        try
        {
            DecompositionRecord? record = JsonSerializer.Deserialize(text, RecordJson.Default.DecompositionRecord);
            // The serializer refuses null where a property cannot be it, and lets it through where an element cannot.
            if (record is null || record.Tensors.Contains(null!) || record.Tensors.Count > MostTensors)
                throw new JsonException("it lists no tensors");
            return record;
        }
        catch (JsonException e)
        {
            throw new ModelFormatException(FormatErrors.HeaderInvalid, $"The record of its decompositions is damaged: {e.Message}", file.Path, remedy: "Decompose the original model again.", inner: e);
        }
    }

    /// <summary>The record as one line, for metadata.</summary>
    public string ToMetadata() => JsonSerializer.Serialize(this, RecordJson.Default.DecompositionRecord);
}
