using System.Buffers;
using System.Text.Json;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Safetensors;

namespace LowRankTools.Formats.Sharding;

/// <summary>
/// The <c>*.index.json</c> of a sharded model: <c>{"metadata": {...}, "weight_map": {tensor: file}}</c>.
/// </summary>
internal sealed class ShardIndex
{
    private ShardIndex(Dictionary<string, string> shards, string? set)
    {
        Shards = shards;
        Set = set;
        Files = [.. shards.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>Full path of the shard of every tensor.</summary>
    public IReadOnlyDictionary<string, string> Shards { get; }

    /// <summary>Identity of the run that wrote index and shards, where they carry one.</summary>
    public string? Set { get; }

    /// <summary>Full paths of the shards, each once, in the order of their names.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>Reads an index.</summary>
    /// <exception cref="ModelFormatException">The file is too large, is not an index, or names files outside its folder.</exception>
    public static ShardIndex Read(string path)
    {
        using ModelFileHandle file = new(path);
        return Read(file, name => SiblingPath.Resolve(path, name));
    }

    /// <summary>Reads an opened index.</summary>
    /// <param name="file">The index.</param>
    /// <param name="resolve">Full path, or address, of a shard by its name in the index; refuses names that lead elsewhere.</param>
    /// <exception cref="ModelFormatException">The file is too large, is not an index, or names files outside its folder.</exception>
    public static ShardIndex Read(RandomAccessSource file, Func<string, string> resolve)
    {
        string path = file.Path;
        if (file.Length > SafetensorsConstants.MaxHeaderBytes)
            throw new ModelFormatException(FormatErrors.HeaderTooLarge, $"The index is {file.Length} bytes long.", path);
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)file.Length);
        Span<byte> json = buffer.AsSpan(0, (int)file.Length);
        try
        {
            file.ReadExactly(0, json, FormatErrors.HeaderTruncated);
            return Parse(json, path, resolve);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException(FormatErrors.HeaderInvalid, $"The index is not the JSON of a shard index: {e.Message}", path, inner: e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static ShardIndex Parse(ReadOnlySpan<byte> json, string path, Func<string, string> resolve)
    {
        Dictionary<string, string>? shards = null;
        string? set = null;
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = 16 });
        Expect(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("metadata"u8))
                set = ReadSet(ref reader);
            else if (!reader.ValueTextEquals("weight_map"u8))
                reader.Skip();
            else if (shards is null)
                shards = ReadMap(ref reader, path, resolve);
            else
                throw new JsonException("weight_map stands twice");
        }
        while (reader.Read())
            throw new JsonException("there is something after the object");
        return new ShardIndex(shards ?? throw new JsonException("it has no weight_map"), set);
    }

    /// <summary>The identity of the run among the index's free fields, which may hold anything else.</summary>
    private static string? ReadSet(ref Utf8JsonReader reader)
    {
        string? set = null;
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return null;
        }
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isSet = reader.ValueTextEquals(ShardSet.Key);
            reader.Read();
            if (isSet && reader.TokenType == JsonTokenType.String)
                set = reader.GetString();
            else
                reader.Skip();
        }
        return set;
    }

    private static Dictionary<string, string> ReadMap(ref Utf8JsonReader reader, string path, Func<string, string> resolve)
    {
        Dictionary<string, string> shards = new(StringComparer.Ordinal);
        Dictionary<string, string> resolved = new(StringComparer.Ordinal);
        string? last = null;
        Expect(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string tensor = reader.GetString()!;
            Expect(ref reader, JsonTokenType.String);
            // Neighbours mostly lie in one shard: its name is made a string once.
            if (last is null || !reader.ValueTextEquals(last))
                last = reader.GetString()!;
            if (!resolved.TryGetValue(last, out string? full))
                resolved[last] = full = resolve(last);
            if (!shards.TryAdd(tensor, full))
                throw new ModelFormatException(FormatErrors.DuplicateTensor, $"Tensor '{tensor}' stands twice in the index.", path, tensor);
        }
        return shards;
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType token)
    {
        if (!reader.Read() || reader.TokenType != token)
            throw new JsonException($"{token} expected, {reader.TokenType} found");
    }
}
