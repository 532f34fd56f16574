using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json;

namespace LowRankTools.Formats;

/// <summary>The JSON header: tensors and free text, checked against the length of the data that follows.</summary>
internal sealed class SafetensorsHeader
{
    private static readonly FrozenDictionary<string, TensorDType> s_dtypes = Enum.GetValues<TensorDType>()
        .Where(Supports)
        .ToFrozenDictionary(d => d.ToString(), StringComparer.Ordinal);

    private readonly List<Entry> _entries = [];
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private SafetensorsHeader()
    {
    }

    /// <summary>Tensors in the order of their data.</summary>
    public IReadOnlyList<Entry> Entries => _entries;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>One tensor; offsets are relative to the data.</summary>
    internal readonly record struct Entry(string Name, TensorDType DType, ImmutableArray<long> Shape, long Begin, long End);

    /// <summary>Whether the format has a name for an element type.</summary>
    public static bool Supports(TensorDType dtype) =>
        !dtype.IsQuantized() && dtype is not (TensorDType.C128 or TensorDType.U4 or TensorDType.I4 or TensorDType.F8_E5M2FNUZ or TensorDType.F8_E4M3FNUZ);

    /// <summary>Parses and checks a header.</summary>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataBytes">Bytes in the file after the header.</param>
    /// <exception cref="ModelFormatException">See <see cref="FormatErrors"/>.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long dataBytes)
    {
        SafetensorsHeader header = new();
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = 8 });
        try
        {
            header.ReadObject(ref reader);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new ModelFormatException(FormatErrors.HeaderInvalid, $"The header is not the JSON of safetensors: {e.Message}", inner: e);
        }
        header.Check(dataBytes);
        return header;
    }

    private void ReadObject(ref Utf8JsonReader reader)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        Expect(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            if (!names.Add(name))
                throw new ModelFormatException(FormatErrors.DuplicateTensor, $"The name '{name}' stands twice in the header.", tensor: name);
            if (name == SafetensorsConstants.MetadataKey)
                ReadMetadata(ref reader);
            else
                _entries.Add(ReadEntry(ref reader, name));
        }
        if (reader.TokenType != JsonTokenType.EndObject)
            throw new JsonException("the object does not end");
        // Padding after the object may be white space only; the reader throws on anything else.
        while (reader.Read())
            throw new JsonException("there is something after the object");
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            Expect(ref reader, JsonTokenType.String);
            _metadata[key] = reader.GetString()!;
        }
    }

    private static Entry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        TensorDType? dtype = null;
        ImmutableArray<long>? shape = null;
        ImmutableArray<long>? offsets = null;
        Expect(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("dtype"u8))
            {
                Expect(ref reader, JsonTokenType.String);
                dtype = DType(reader.GetString()!, name);
            }
            else if (reader.ValueTextEquals("shape"u8))
                shape = ReadNumbers(ref reader, TensorShape.MaxDimensions);
            else if (reader.ValueTextEquals("data_offsets"u8))
                offsets = ReadNumbers(ref reader, 2);
            else
                throw new JsonException($"tensor '{name}' has an unknown field '{reader.GetString()}'");
        }
        if (dtype is null || shape is null || offsets is not { Length: 2 })
            throw new JsonException($"tensor '{name}' lacks dtype, shape or data_offsets");
        return new Entry(name, dtype.Value, shape.Value, offsets.Value[0], offsets.Value[1]);
    }

    private static ImmutableArray<long> ReadNumbers(ref Utf8JsonReader reader, int most)
    {
        ImmutableArray<long>.Builder numbers = ImmutableArray.CreateBuilder<long>(4);
        Expect(ref reader, JsonTokenType.StartArray);
        while (reader.Read() && reader.TokenType == JsonTokenType.Number)
        {
            if (numbers.Count == most)
                throw new JsonException("an array is too long");
            numbers.Add(reader.GetInt64());
        }
        if (reader.TokenType != JsonTokenType.EndArray)
            throw new JsonException("an array holds something that is not a number");
        return numbers.ToImmutable();
    }

    private static TensorDType DType(string text, string name) =>
        s_dtypes.TryGetValue(text, out TensorDType dtype)
            ? dtype
            : throw new ModelFormatException(FormatErrors.DTypeUnsupported, $"Tensor '{name}' has the unknown element type '{text}'.", tensor: name);

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType token)
    {
        if (!reader.Read() || reader.TokenType != token)
            throw new JsonException($"{token} expected, {reader.TokenType} found");
    }

    /// <summary>No overlap, no hole, every length as its type and shape say, all inside the file.</summary>
    private void Check(long dataBytes)
    {
        _entries.Sort((a, b) => a.Begin != b.Begin ? a.Begin.CompareTo(b.Begin) : a.End.CompareTo(b.End));
        long end = 0;
        foreach (Entry entry in _entries)
        {
            if (entry.Begin < 0 || entry.End < entry.Begin)
                throw Bad(FormatErrors.HeaderInvalid, entry, "has offsets that run backwards");
            if (entry.Begin < end)
                throw Bad(FormatErrors.TensorOverlap, entry, "overlaps the tensor before it");
            if (entry.Begin > end)
                throw Bad(FormatErrors.DataHole, entry, $"leaves a hole of {entry.Begin - end} bytes before it");
            long elements = TensorShape.ElementCount(entry.Shape, entry.Name);
            if (elements % entry.DType.BlockElements() != 0 || TensorShape.ByteLength(entry.DType, elements, entry.Name) != entry.End - entry.Begin)
                throw Bad(FormatErrors.TensorSizeMismatch, entry, $"is {entry.End - entry.Begin} bytes long, which its type and shape do not make");
            end = entry.End;
        }
        if (end > dataBytes)
        {
            throw new ModelFormatException(FormatErrors.TensorTruncated,
                $"The tensors need {end} bytes of data and the file has {dataBytes}.", remedy: "Download or copy it again.");
        }
        if (end < dataBytes)
            throw new ModelFormatException(FormatErrors.DataHole, $"{dataBytes - end} bytes at the end belong to no tensor.");
    }

    private static ModelFormatException Bad(string id, Entry entry, string what) =>
        new(id, $"Tensor '{entry.Name}' {what}.", tensor: entry.Name);
}
