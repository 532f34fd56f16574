using System.Text.Json;

namespace LowRankTools.Formats;

/// <summary>
/// The <c>*.index.json</c> of a sharded model: <c>{"metadata": {...}, "weight_map": {tensor: file}}</c>.
/// </summary>
internal sealed class ShardIndex
{
    /// <summary>Ending of every index's name, whatever the format of its shards.</summary>
    public const string Suffix = ".index.json";

    private ShardIndex(Dictionary<string, string> shards)
    {
        Shards = shards;
        Files = [.. shards.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>Full path of the shard of every tensor.</summary>
    public IReadOnlyDictionary<string, string> Shards { get; }

    /// <summary>Full paths of the shards, each once, in the order of their names.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>Reads an index.</summary>
    /// <exception cref="ModelFormatException">The file is too large, is not an index, or names files outside its folder.</exception>
    public static ShardIndex Read(string path)
    {
        using ModelFileHandle file = new(path);
        if (file.Length > SafetensorsConstants.MaxHeaderBytes)
            throw new ModelFormatException(FormatErrors.HeaderTooLarge, $"The index is {file.Length} bytes long.", path);
        byte[] json = new byte[file.Length];
        file.ReadExactly(0, json, FormatErrors.HeaderTruncated);
        try
        {
            return new ShardIndex(Parse(json, path));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException(FormatErrors.HeaderInvalid, $"The index is not the JSON of a shard index: {e.Message}", path, inner: e);
        }
    }

    private static Dictionary<string, string> Parse(byte[] json, string path)
    {
        Dictionary<string, string> shards = new(StringComparer.Ordinal);
        Dictionary<string, string> resolved = new(StringComparer.Ordinal);
        using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 16 });
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("weight_map", out JsonElement map))
            throw new JsonException("it has no weight_map");
        foreach (JsonProperty entry in map.EnumerateObject())
        {
            string name = entry.Value.GetString() ?? throw new JsonException($"tensor '{entry.Name}' has no file");
            if (!resolved.TryGetValue(name, out string? full))
                resolved[name] = full = SiblingPath.Resolve(path, name);
            if (!shards.TryAdd(entry.Name, full))
                throw new ModelFormatException(FormatErrors.DuplicateTensor, $"Tensor '{entry.Name}' stands twice in the index.", path, entry.Name);
        }
        return shards;
    }
}
