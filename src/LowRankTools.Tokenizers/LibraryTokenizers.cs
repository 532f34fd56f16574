using System.Text;
using System.Text.RegularExpressions;
using LowRankTools.Formats.Tokens;
using Microsoft.ML.Tokenizers;

namespace LowRankTools.Tokenizers;

/// <summary>Tokenizers of Microsoft.ML.Tokenizers.</summary>
public sealed partial class LibraryTokenizers : ITokenizerFactory
{
    /// <summary>A word that takes longer to be found is no word; the expression may be anybody's.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public ITokenizer Create(TokenizerDefinition definition)
    {
        try
        {
            return definition.Kind == TokenizerKind.WordPiece ? new Wrapped(WordPieces(definition), definition) : new Wrapped(BytePairs(definition), definition);
        }
        catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new ArgumentException(e.Message, e);
        }
    }

    private static BertTokenizer WordPieces(TokenizerDefinition definition)
    {
        using MemoryStream lines = new(Encoding.UTF8.GetBytes(string.Join('\n', definition.Vocabulary) + "\n"));
        return BertTokenizer.Create(lines, new BertOptions
        {
            LowerCaseBeforeTokenization = definition.LowerCase,
            RemoveNonSpacingMarks = definition.StripAccents,
            IndividuallyTokenizeCjk = definition.ChineseCharacters,
            UnknownToken = definition.Unknown,
        });
    }

    private static BpeTokenizer BytePairs(TokenizerDefinition definition)
    {
        Regex words = definition.Words is { } pattern ? new Regex(pattern, RegexOptions.CultureInvariant, s_patience) : GptWords();
        return BpeTokenizer.Create(new BpeOptions(definition.Vocabulary.Select((token, id) => KeyValuePair.Create(token, id)))
        {
            Merges = definition.Merges,
            ByteLevel = true,
            PreTokenizer = new RegexPreTokenizer(words, null),
        });
    }

    // Contractions, words, numbers and signs, each with the blank before it; white space by itself.
    [GeneratedRegex(@"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex GptWords();

    private sealed class Wrapped(Tokenizer tokenizer, TokenizerDefinition definition) : ITokenizer
    {
        public int[] Encode(string text)
        {
            string given = definition.BlankFirst && !text.StartsWith(' ') ? " " + text : text;
            IReadOnlyList<int> ids = tokenizer is BertTokenizer bert ? bert.EncodeToIds(given, addSpecialTokens: false) : tokenizer.EncodeToIds(given);
            return ids.Count == 0 ? [] : [.. definition.First, .. ids, .. definition.Last];
        }
    }
}
