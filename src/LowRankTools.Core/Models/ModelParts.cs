using System.Text.Json;
using LowRankTools.Formats;
using LowRankTools.Formats.IO;

namespace LowRankTools.Core.Models;

/// <summary>
/// Which files an index speaks of. Only for telling models apart in a folder: the readers check every name again.
/// </summary>
internal static class ModelParts
{
    private const int MaxIndexBytes = 100_000_000;

    /// <summary>Lists the files beside a shard index or a TensorFlow.js model.json; false where it is neither.</summary>
    public static bool TryList(string index, out IReadOnlyList<string> files)
    {
        files = [];
        try
        {
            if (RegularFile.ReadAllBytes(index, MaxIndexBytes) is not { } json)
                return false;
            string folder = Path.GetDirectoryName(index)!;
            files = [.. Names(json).Select(name => Path.Combine(folder, name))];
            return files.Count > 0;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException or ArgumentException or ModelFormatException)
        {
            return false;
        }
    }

    /// <summary>File names under weight_map, or in the paths of a weightsManifest, each once.</summary>
    private static HashSet<string> Names(ReadOnlySpan<byte> json)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        Utf8JsonReader reader = new(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool map = reader.ValueTextEquals("weight_map"u8), manifest = reader.ValueTextEquals("weightsManifest"u8);
            reader.Read();
            if (map && reader.TokenType == JsonTokenType.StartObject)
                AddValues(ref reader, names);
            else if (manifest && reader.TokenType == JsonTokenType.StartArray)
                AddPaths(ref reader, names);
            else
                reader.Skip();
        }
        return names;
    }

    private static void AddValues(ref Utf8JsonReader reader, HashSet<string> names)
    {
        ReadOnlySpan<byte> last = [];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw new JsonException("a shard's name is no text");
            // Thousands of tensors name the same few files, mostly the one before.
            if (last.SequenceEqual(reader.ValueSpan))
                continue;
            last = reader.ValueSpan;
            names.Add(reader.GetString()!);
        }
    }

    private static void AddPaths(ref Utf8JsonReader reader, HashSet<string> names)
    {
        int depth = reader.CurrentDepth;
        while (reader.Read() && reader.CurrentDepth > depth)
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != depth + 2 || !reader.ValueTextEquals("paths"u8))
                continue;
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.String)
                names.Add(reader.GetString()!);
        }
    }
}
