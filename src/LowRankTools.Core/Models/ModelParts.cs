using System.Text.Json;

namespace LowRankTools.Core;

/// <summary>
/// Which files an index speaks of. Only for telling models apart in a folder: the readers check every name again.
/// </summary>
internal static class ModelParts
{
    private const long MaxIndexBytes = 100_000_000;

    /// <summary>Lists the files beside a shard index or a TensorFlow.js model.json; false where it is neither.</summary>
    public static bool TryList(string index, out IReadOnlyList<string> files)
    {
        files = [];
        try
        {
            if (new FileInfo(index).Length > MaxIndexBytes)
                return false;
            using FileStream stream = File.OpenRead(index);
            using JsonDocument document = JsonDocument.Parse(stream, new JsonDocumentOptions { MaxDepth = 64 });
            string folder = Path.GetDirectoryName(index)!;
            files = [.. Names(document.RootElement).Distinct(StringComparer.Ordinal).Select(name => Path.Combine(folder, name))];
            return files.Count > 0;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            return false;
        }
    }

    private static IEnumerable<string> Names(JsonElement root)
    {
        if (root.TryGetProperty("weight_map", out JsonElement map))
            return map.EnumerateObject().Select(e => e.Value.GetString()!);
        if (root.TryGetProperty("weightsManifest", out JsonElement manifest))
            return manifest.EnumerateArray().SelectMany(g => g.GetProperty("paths").EnumerateArray()).Select(p => p.GetString()!);
        return [];
    }
}
