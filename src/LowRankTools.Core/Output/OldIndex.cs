using System.Text.Json;

namespace LowRankTools.Core.Output;

/// <summary>What the index of an earlier output claims. Claims only: it may have been written by anybody.</summary>
internal static class OldIndex
{
    private const long MaxBytes = 100_000_000;

    /// <summary>Names of tensors by the file that the index puts them in; empty where there is no index that can be read.</summary>
    /// <param name="index">Full path of a <c>*.index.json</c>.</param>
    public static IReadOnlyDictionary<string, HashSet<string>> Files(string index)
    {
        Dictionary<string, HashSet<string>> files = new(StringComparer.Ordinal);
        try
        {
            FileInfo file = new(index);
            if (!file.Exists || file.Length > MaxBytes)
                return files;
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(index));
            foreach (JsonProperty tensor in document.RootElement.GetProperty("weight_map").EnumerateObject())
            {
                string name = tensor.Value.GetString() ?? "";
                if (!files.TryGetValue(name, out HashSet<string>? tensors))
                    files[name] = tensors = new HashSet<string>(StringComparer.Ordinal);
                tensors.Add(tensor.Name);
            }
            return files;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or IOException or UnauthorizedAccessException)
        {
            return files;
        }
    }
}
