using System.Text;
using System.Text.Json;
using LowRankTools.Core.Models;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tokens;

/// <summary>A model's tokenizer.</summary>
/// <param name="Encoder">Makes ids of a text.</param>
/// <param name="Last">How many ids it puts behind every text, which a text that is cut keeps.</param>
internal sealed record ModelTokenizer(ITokenizer Encoder, int Last);

/// <summary>Finds the tokenizer that lies beside a model's weights.</summary>
internal static class TokenizerCatalog
{
    private const string Complete = "tokenizer.json", WordList = "vocab.txt", TokenList = "vocab.json", MergeList = "merges.txt", Settings = "tokenizer_config.json";

    /// <summary>Bytes of a file at most: those of 250,000 tokens have some 20 millions.</summary>
    private const int MostBytes = 200_000_000;

    /// <summary>Tokens that stand for no text, at the start of the sentence encoder's list.</summary>
    private const int ReservedPieces = 6;

    /// <summary>Ids of BERT's ends, which every word list has.</summary>
    private const string FirstWord = "[CLS]", LastWord = "[SEP]";

    /// <summary>The tokenizer of a model.</summary>
    /// <param name="source">The model.</param>
    /// <param name="config">What network it is.</param>
    /// <exception cref="LowRankToolsException"><c>TokenizerNotFound</c>, <c>TokenizerInvalid</c>, <c>TokenizerUnsupported</c>, <c>TokenizerUnavailable</c>.</exception>
    public static ModelTokenizer Open(ModelSource source, TransformerConfig config)
    {
        string folder = Path.GetDirectoryName(source.Path)!;
        if (config is SentenceEncoderConfig)
            return new ModelTokenizer(new UnigramTokenizer(Pieces(SiblingPath.Companion(folder, TokenList) ?? throw Missing(folder, TokenList)), ReservedPieces), 0);
        if (SiblingPath.Companion(folder, Complete) is { } complete)
            return Made(TokenizerJson.Read(complete, Bytes(complete)), complete);
        if (SiblingPath.Companion(folder, WordList) is { } words)
            return Made(WordPieces(words), words);
        if (SiblingPath.Companion(folder, TokenList) is { } tokens && SiblingPath.Companion(folder, MergeList) is { } merges)
            return Made(BytePairs(tokens, merges), tokens);
        throw Missing(folder, $"{Complete}, {WordList}, or {TokenList} with {MergeList}");
    }

    // Accents are taken off here and not by the library, which leaves that to the system's tables, and those are not everywhere.
    private static ModelTokenizer Made(TokenizerDefinition definition, string file)
    {
        ITokenizer tokenizer = TokenizerPlugin.Create(definition with { StripAccents = false }, file);
        return new ModelTokenizer(definition.StripAccents ? new UnaccentedTokenizer(tokenizer) : tokenizer, definition.Last.Count);
    }

    private static TokenizerDefinition WordPieces(string path)
    {
        string[] words = Lines(path);
        int first = Array.IndexOf(words, FirstWord), last = Array.IndexOf(words, LastWord);
        if (first < 0 || last < 0)
            throw TokenizerJson.Invalid(path, $"the list has no {FirstWord} and {LastWord}.");
        bool cased = SiblingPath.Companion(Path.GetDirectoryName(path)!, Settings) is { } settings
            ? !ConfigFile.Read(settings).Flag("do_lower_case", otherwise: true)
            : Array.Exists(words, w => w.Length > 1 && char.IsAsciiLetterUpper(w[0]) && char.IsAsciiLetterLower(w[1]));
        return new TokenizerDefinition { Kind = TokenizerKind.WordPiece, Vocabulary = words, LowerCase = !cased, StripAccents = !cased, First = [first], Last = [last] };
    }

    private static TokenizerDefinition BytePairs(string tokens, string merges) => TokenizerJson.Parsed(tokens, Bytes(tokens), root => new TokenizerDefinition
    {
        Kind = TokenizerKind.BytePairs,
        Vocabulary = TokenizerJson.Vocabulary(root, [], tokens),
        Merges = [.. Lines(merges).Where(l => l.Length > 0 && !l.StartsWith("#version", StringComparison.Ordinal))],
    });

    private static IReadOnlyList<(string Piece, float Score)> Pieces(string path) => TokenizerJson.Parsed(path, Bytes(path), root =>
        root.ValueKind == JsonValueKind.Array && root.EnumerateArray().All(IsPiece)
            ? (IReadOnlyList<(string, float)>)[.. root.EnumerateArray().Select(e => (e[0].GetString()!, e[1].ValueKind == JsonValueKind.Null ? 0 : e[1].GetSingle()))]
            : throw TokenizerJson.Invalid(path, "it is no list of pieces with their scores."));

    private static bool IsPiece(JsonElement e) =>
        e.ValueKind == JsonValueKind.Array && e.GetArrayLength() == 2 && e[0].ValueKind == JsonValueKind.String && e[1].ValueKind is JsonValueKind.Number or JsonValueKind.Null;

    private static string[] Lines(string path)
    {
        try
        {
            string text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Bytes(path));
            return [.. text.TrimEnd('\n').Split('\n').Select(l => l.TrimEnd('\r'))];
        }
        catch (DecoderFallbackException e)
        {
            throw TokenizerJson.Invalid(path, "it is no UTF-8.", e);
        }
    }

    private static byte[] Bytes(string path) => RegularFile.ReadAllBytes(path, MostBytes) ?? throw TokenizerJson.Invalid(path, $"it is longer than {MostBytes} bytes.");

    private static LowRankToolsException Missing(string folder, string wanted) =>
        new(CoreErrors.TokenizerNotFound, $"{folder}: there is no tokenizer beside the weights: {wanted}.", "Put the model's tokenizer there, or give token ids in a token file.");
}
