using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace LowRankTools.LanguageModel;

/// <summary>
/// Byte pairs learned from a text (Sennrich et al., "Neural machine translation of rare words with subword units", 2016; over bytes as GPT-2 has
/// them): from the 256 bytes on, the pair of tokens that stands most often side by side within a word becomes a token of its own.
/// </summary>
internal static partial class BytePairs
{
    /// <summary>A tokenizer.json of a text.</summary>
    /// <param name="lines">The text.</param>
    /// <param name="vocabulary">Tokens, those of the 256 bytes among them.</param>
    public static string Learn(IEnumerable<string> lines, int vocabulary)
    {
        List<(List<string> Tokens, int Count)> words = [.. lines.SelectMany(l => Words().EnumerateMatches(l).ToList(l)).GroupBy(w => w, StringComparer.Ordinal)
            .OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => (Letters(g.Key), g.Count()))];
        List<string> tokens = [.. Enumerable.Range(0, 256).Select(b => Letter((byte)b).ToString())];
        List<string[]> merges = [];
        PairCounts pairs = new(words);
        while (tokens.Count < vocabulary && pairs.Most() is { } pair)
        {
            merges.Add([pair.First, pair.Second]);
            tokens.Add(pair.First + pair.Second);
            pairs.Merge(pair);
        }
        return JsonSerializer.Serialize(new
        {
            version = "1.0",
            pre_tokenizer = new { type = "ByteLevel", add_prefix_space = false, use_regex = true },
            model = new { type = "BPE", vocab = tokens.Select((t, i) => (t, i)).ToDictionary(p => p.t, p => p.i), merges },
        });
    }

    private static List<string> ToList(this Regex.ValueMatchEnumerator matches, string line)
    {
        List<string> words = [];
        foreach (ValueMatch match in matches)
            words.Add(line.Substring(match.Index, match.Length));
        return words;
    }

    private static List<string> Letters(string word) => [.. Encoding.UTF8.GetBytes(word).Select(b => Letter(b).ToString())];

    /// <summary>GPT-2's letter of a byte: itself where it can be seen, and otherwise the next one from 256 on.</summary>
    private static char Letter(byte b) => Seen(b) ? (char)b : (char)(256 + Enumerable.Range(0, b).Count(i => !Seen(i)));

    private static bool Seen(int b) => b is (>= '!' and <= '~') or (>= 0xa1 and <= 0xac) or >= 0xae;

    // GPT-2's cut into words, which the tokenizer.json's ByteLevel asks for.
    [GeneratedRegex(@"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Words();
}
