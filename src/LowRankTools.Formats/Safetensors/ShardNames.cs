using System.Globalization;
using System.Text.RegularExpressions;

namespace LowRankTools.Formats.Safetensors;

/// <summary>
/// Names of a model's shards, as transformers gives them: <c>model-00001-of-00003.safetensors</c>. A run that replaces such
/// a model writes beside the old shards, as generation 2: <c>model-g2-00001-of-00003.safetensors</c>. The old model is whole
/// until the new index stands, and a reader goes by the index whatever the names are.
/// </summary>
public static partial class ShardNames
{
    /// <summary>Ending of every index's name, whatever the format of its shards: after the path that a single file would have.</summary>
    public const string IndexSuffix = ".index.json";

    private const string Extension = ".safetensors";

    /// <summary>Full paths of the shards of a model.</summary>
    /// <param name="weightsPath">The path that a single file would have.</param>
    /// <param name="count">Number of shards.</param>
    /// <param name="generation">1 for the plain names.</param>
    public static IReadOnlyList<string> Of(string weightsPath, int count, int generation = 1)
    {
        string stem = Path.Combine(Path.GetDirectoryName(weightsPath)!, Path.GetFileNameWithoutExtension(weightsPath));
        string mark = generation == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $"-g{generation}");
        return [.. Enumerable.Range(1, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"{stem}{mark}-{i:D5}-of-{count:D5}{Extension}"))];
    }

    /// <summary>Whether a file is called like a shard of a model.</summary>
    /// <param name="path">The file.</param>
    /// <param name="weightsPath">The path that the model's single file would have.</param>
    public static bool IsShardOf(string path, string weightsPath) => StemOf(path) == Path.GetFileNameWithoutExtension(weightsPath);

    /// <summary>What stands before a shard's numbers in its name; null for other names.</summary>
    public static string? StemOf(string path) =>
        Pattern().Match(Path.GetFileName(path)) is { Success: true } match ? match.Groups[1].Value : null;

    [GeneratedRegex(@"\A(.+?)(?:-g[0-9]{1,9})?-[0-9]{5,9}-of-[0-9]{5,9}\.safetensors\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
