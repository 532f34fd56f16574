using LowRankTools.Core.Models;
using LowRankTools.Formats;
using LowRankTools.Formats.IO;

namespace LowRankTools.Core.Output;

/// <summary>Small files that say how a model's weights are used; they go along with the weights.</summary>
internal static class CompanionFiles
{
    private static readonly string[] s_names =
    [
        "config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "tokenizer.model", "spiece.model",
    ];

    /// <summary>Bytes of a companion at most; vocabularies of 250,000 words have some 20 millions.</summary>
    private const int MostBytes = 1_000_000_000;

    /// <summary>Full paths of the companions in a model's folder.</summary>
    /// <exception cref="ModelFormatException"><c>ReferencedFileOutside</c>: one is a link that leads out of the folder;
    /// <c>NotARegularFile</c>: one is none.</exception>
    public static IReadOnlyList<string> In(string folder) => [.. s_names.Select(name => SiblingPath.Companion(folder, name)).OfType<string>()];

    /// <summary>Refuses companions that could not go along, before anything is computed.</summary>
    /// <param name="location">Where the model goes.</param>
    /// <param name="source">The model that is read.</param>
    /// <exception cref="ModelFormatException">As <see cref="In"/>.</exception>
    public static void Check(OutputLocation location, ModelSource source)
    {
        if (location.OwnFolder)
            In(Path.GetDirectoryName(source.Path)!);
    }

    /// <summary>Content of a companion.</summary>
    /// <exception cref="ModelFormatException"><c>NotARegularFile</c>, <c>HeaderTooLarge</c>.</exception>
    public static byte[] Read(string path) => RegularFile.ReadAllBytes(path, MostBytes)
        ?? throw new ModelFormatException(FormatErrors.HeaderTooLarge, $"The file is longer than {MostBytes} bytes.", path);
}
