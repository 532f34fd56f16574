using System.Collections.Immutable;
using System.Text.Json;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Safetensors;

/// <summary>The JSON header: tensors and free text, checked against the length of the data that follows.</summary>
internal sealed class SafetensorsHeader
{
    /// <summary>A name of forty characters with its type, sizes and offsets; a guess to make room by.</summary>
    private const int TypicalEntryBytes = 110;

    /// <summary>Room made by that guess at most: a header of spaces announces nothing.</summary>
    private const int MostExpected = 4096;

    /// <summary>Longer than any type's name.</summary>
    private const int LongestDType = 32;

    /// <summary>Names of the types, by number. A few dozen: looking through them costs less than a dictionary takes to make.</summary>
    private static readonly string[] s_dtypes = Enum.GetNames<TensorDType>();

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

    /// <summary>Parses and checks a header.</summary>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataBytes">Bytes in the file after the header.</param>
    /// <exception cref="ModelFormatException">See <see cref="FormatErrors"/>.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long dataBytes)
    {
        if (!json.StartsWith("{"u8))
            throw new ModelFormatException(FormatErrors.HeaderInvalid, "The header does not begin with a brace, as the format demands.");
        SafetensorsHeader header = new();
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = 8 });
        try
        {
            header.ReadObject(ref reader, json.Length / TypicalEntryBytes);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new ModelFormatException(FormatErrors.HeaderInvalid, $"The header is not the JSON of safetensors: {e.Message}", inner: e);
        }
        header.Check(dataBytes);
        return header;
    }

    private void ReadObject(ref Utf8JsonReader reader, int expected)
    {
        HashSet<string> names = new(Math.Min(expected, MostExpected), StringComparer.Ordinal);
        Span<long> numbers = stackalloc long[TensorShape.MaxDimensions];
        Expect(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            if (!names.Add(name))
                throw new ModelFormatException(FormatErrors.DuplicateTensor, $"The name '{name}' stands twice in the header.", tensor: name);
            if (name == SafetensorsConstants.MetadataKey)
                ReadMetadata(ref reader);
            else
                _entries.Add(ReadEntry(ref reader, name, numbers));
        }
        // After the object there may be white space only; the reader throws on anything else.
        while (reader.Read())
            throw new JsonException("there is something after the object");
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        if (reader.Read() && reader.TokenType == JsonTokenType.Null)
            return;
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException($"{SafetensorsConstants.MetadataKey} is no object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            Expect(ref reader, JsonTokenType.String);
            if (!_metadata.TryAdd(key, reader.GetString()!))
                throw new JsonException($"{SafetensorsConstants.MetadataKey} has '{key}' twice");
        }
    }

    /// <summary>Reads one tensor; a field that stands twice is refused, since readers differ in which one they take.</summary>
    private static Entry ReadEntry(ref Utf8JsonReader reader, string name, scoped Span<long> numbers)
    {
        TensorDType? dtype = null;
        ImmutableArray<long>? shape = null;
        (long Begin, long End)? offsets = null;
        Expect(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (dtype is null && reader.ValueTextEquals("dtype"u8))
                dtype = ReadDType(ref reader, name);
            else if (shape is null && reader.ValueTextEquals("shape"u8))
                shape = ImmutableArray.Create(numbers[..ReadNumbers(ref reader, numbers)]);
            else if (offsets is null && reader.ValueTextEquals("data_offsets"u8))
                offsets = ReadNumbers(ref reader, numbers[..2]) == 2 ? (numbers[0], numbers[1]) : throw new JsonException($"tensor '{name}' has not two data_offsets");
            else
                throw new JsonException($"tensor '{name}' has a field '{reader.GetString()}' that is unknown or stands twice");
        }
        if (dtype is null || shape is null || offsets is null)
            throw new JsonException($"tensor '{name}' lacks dtype, shape or data_offsets");
        return new Entry(name, dtype.Value, shape.Value, offsets.Value.Begin, offsets.Value.End);
    }

    private static int ReadNumbers(ref Utf8JsonReader reader, scoped Span<long> numbers)
    {
        int count = 0;
        Expect(ref reader, JsonTokenType.StartArray);
        while (reader.Read() && reader.TokenType == JsonTokenType.Number)
        {
            if (count == numbers.Length)
                throw new JsonException("an array is too long");
            numbers[count++] = reader.GetInt64();
        }
        if (reader.TokenType != JsonTokenType.EndArray)
            throw new JsonException("an array holds something that is not a number");
        return count;
    }

    private static TensorDType ReadDType(ref Utf8JsonReader reader, string name)
    {
        Expect(ref reader, JsonTokenType.String);
        Span<char> text = stackalloc char[LongestDType];
        text = reader.ValueSpan.Length <= text.Length ? text[..reader.CopyString(text)] : [];
        for (TensorDType dtype = 0; (int)dtype < s_dtypes.Length; dtype++)
        {
            if (text.SequenceEqual(s_dtypes[(int)dtype]) && SafetensorsConstants.Holds(dtype))
                return dtype;
        }
        throw new ModelFormatException(FormatErrors.DTypeUnsupported, $"Tensor '{name}' has the unknown element type '{reader.GetString()}'.", tensor: name);
    }

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
                $"The tensors need {end} bytes of data and the file has {dataBytes}.");
        }
        if (end < dataBytes)
            throw new ModelFormatException(FormatErrors.DataHole, $"{dataBytes - end} bytes at the end belong to no tensor.");
    }

    private static ModelFormatException Bad(string id, Entry entry, string what) =>
        new(id, $"Tensor '{entry.Name}' {what}.", tensor: entry.Name);
}
