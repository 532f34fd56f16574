namespace LowRankTools.Core;

/// <summary>Small files that say how a model's weights are used; they go along with the weights.</summary>
internal static class CompanionFiles
{
    private static readonly string[] s_names =
    [
        "config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "tokenizer.model", "spiece.model",
    ];

    /// <summary>Full paths of the companions in a model's folder.</summary>
    public static IEnumerable<string> In(string folder) => s_names.Select(name => Path.Combine(folder, name)).Where(File.Exists);
}
