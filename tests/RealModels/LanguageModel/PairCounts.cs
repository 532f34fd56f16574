namespace LowRankTools.LanguageModel;

/// <summary>How often two tokens stand side by side in a list of words, kept up to date while pairs become tokens.</summary>
internal sealed class PairCounts
{
    private readonly List<(List<string> Tokens, int Count)> _words;
    private readonly Dictionary<(string First, string Second), long> _counts = [];
    private readonly Dictionary<(string First, string Second), HashSet<int>> _places = [];

    /// <summary>Counts.</summary>
    /// <param name="words">Words as tokens, with how often each stands in the text; changed by merging.</param>
    public PairCounts(List<(List<string> Tokens, int Count)> words)
    {
        _words = words;
        for (int i = 0; i < words.Count; i++)
            Add(i, 1);
    }

    /// <summary>The commonest pair, of equals the first in order of characters; null where every word is one token.</summary>
    public (string First, string Second)? Most()
    {
        ((string First, string Second)? best, long most) = (null, 0);
        foreach (((string First, string Second) pair, long count) in _counts)
        {
            if (count > most || (count == most && count > 0 && Compare(pair, best!.Value) < 0))
                (best, most) = (pair, count);
        }
        return best;
    }

    /// <summary>Makes one token of a pair wherever it stands.</summary>
    public void Merge((string First, string Second) pair)
    {
        foreach (int place in _places[pair].Order().ToArray())
        {
            Add(place, -1);
            List<string> tokens = _words[place].Tokens;
            for (int i = 0; i + 1 < tokens.Count; i++)
            {
                if (tokens[i] != pair.First || tokens[i + 1] != pair.Second)
                    continue;
                tokens[i] += tokens[i + 1];
                tokens.RemoveAt(i + 1);
            }
            Add(place, 1);
        }
    }

    private void Add(int place, int sign)
    {
        (List<string> tokens, int count) = _words[place];
        for (int i = 0; i + 1 < tokens.Count; i++)
        {
            (string, string) pair = (tokens[i], tokens[i + 1]);
            _counts[pair] = _counts.GetValueOrDefault(pair) + (sign * count);
            if (!_places.TryGetValue(pair, out HashSet<int>? places))
                _places[pair] = places = [];

            // A word that loses a pair stays listed: it is looked at in vain at most once.
            if (sign > 0)
                places.Add(place);
        }
    }

    private static int Compare((string First, string Second) a, (string First, string Second) b) =>
        string.CompareOrdinal(a.First, b.First) is not 0 and int first ? first : string.CompareOrdinal(a.Second, b.Second);
}
