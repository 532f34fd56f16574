using LowRankTools.Core.Text;
using LowRankTools.Formats.Tokens;

namespace LowRankTools.Core.Tokens;

/// <summary>
/// The way of least surprise through a text (Kudo, "Subword regularization", 2018): of all ways to cut it into known pieces the one whose
/// scores, logarithms of their probabilities, add up to the most. What no piece ends at is unknown at no cost, and unknown ones in a row
/// are one token: as the package that publishes Universal Sentence Encoder lite has it, whose embeddings rest on it.
/// </summary>
internal sealed class UnigramTokenizer : ITokenizer
{
    /// <summary>Stands for a blank, and begins every text.</summary>
    private const char Blank = '▁';

    private readonly Dictionary<string, (float Score, int Id)> _pieces = new(StringComparer.Ordinal);
    private readonly int _longest;

    /// <summary>Takes the pieces over.</summary>
    /// <param name="pieces">Pieces with their scores, in the order of their ids; the first one is that of the unknown.</param>
    /// <param name="reserved">How many at the start stand for no text.</param>
    public UnigramTokenizer(IReadOnlyList<(string Piece, float Score)> pieces, int reserved)
    {
        for (int id = reserved; id < pieces.Count; id++)
        {
            if (pieces[id].Piece.Length > 0)
                _pieces.TryAdd(pieces[id].Piece, (pieces[id].Score, id));
        }
        _longest = _pieces.Count == 0 ? 0 : _pieces.Keys.Max(p => p.Length);
    }

    /// <inheritdoc/>
    public int[] Encode(string text)
    {
        string plain = NormalForm.KC(text);
        if (plain.Length == 0)
            return [];
        string given = Blank + plain.Replace(' ', Blank);
        double[] best = new double[given.Length + 1];
        (int Id, int Start)[] last = [.. Enumerable.Range(0, given.Length + 1).Select(end => (0, end - 1))];
        Dictionary<string, (float Score, int Id)>.AlternateLookup<ReadOnlySpan<char>> pieces = _pieces.GetAlternateLookup<ReadOnlySpan<char>>();
        for (int end = 1; end <= given.Length; end++)
        {
            for (int start = Math.Max(0, end - _longest); start < end; start++)
            {
                // Of equals the one that begins last; zero is what nothing has reached.
                if (pieces.TryGetValue(given.AsSpan(start, end - start), out (float Score, int Id) piece) && (best[end] == 0 || best[start] + piece.Score >= best[end]))
                    (best[end], last[end]) = (best[start] + piece.Score, (piece.Id, start));
            }
        }
        List<int> ids = [];
        for (int end = given.Length; end > 0; end = last[end].Start)
        {
            if (last[end].Id != 0 || ids.Count == 0 || ids[^1] != 0)
                ids.Add(last[end].Id);
        }
        ids.Reverse();
        return [.. ids];
    }
}
