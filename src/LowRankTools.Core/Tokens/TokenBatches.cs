using LowRankTools.Networks.Architectures;

namespace LowRankTools.Core.Tokens;

/// <summary>Sequences of many lengths as batches of one length each, the fill marked.</summary>
internal static class TokenBatches
{
    // Products of fewer rows than enough run slower, activations of more than most leave the caches, and fill of an eighth costs less than another group.
    private const int EnoughTokens = 256, MostTokens = 2048, FillDivisor = 8;

    /// <summary>One batch of some sequences, in their order.</summary>
    public static TokenBatch Of(IReadOnlyList<TokenSequence> sequences)
    {
        int length = sequences.Max(s => s.Ids.Length);
        int[] ids = new int[checked(sequences.Count * length)];
        bool[] mask = new bool[ids.Length];
        for (int i = 0; i < sequences.Count; i++)
        {
            sequences[i].Ids.CopyTo(ids, i * length);
            mask.AsSpan(i * length, sequences[i].Ids.Length).Fill(true);
        }
        return new TokenBatch(ids, sequences.Count) { Mask = mask.Contains(false) ? mask : null };
    }

    /// <summary>All sequences, those of like length together, so that little is filled.</summary>
    /// <param name="sequences">The sequences.</param>
    /// <param name="size">Sequences of a batch.</param>
    /// <returns>For each batch the places of its sequences in the list, and the batch. Made as they are asked for.</returns>
    public static IEnumerable<(int[] Places, TokenBatch Batch)> Sorted(IReadOnlyList<TokenSequence> sequences, int size) =>
        Enumerable.Range(0, sequences.Count).OrderBy(i => sequences[i].Ids.Length).Chunk(size).Select(places => (places, Of([.. places.Select(i => sequences[i])])));

    /// <summary>Sequences in groups of like length, so that little is filled and each is still large enough for fast products.</summary>
    /// <param name="sequences">The sequences.</param>
    /// <returns>Groups from the shortest sequences on; those of one length stay in their order.</returns>
    public static IEnumerable<IReadOnlyList<TokenSequence>> OfLikeLength(IEnumerable<TokenSequence> sequences)
    {
        List<TokenSequence> group = [];
        int tokens = 0;
        foreach (TokenSequence next in sequences.OrderBy(s => s.Ids.Length))
        {
            long filled = (long)next.Ids.Length * (group.Count + 1);
            int own = tokens + next.Ids.Length;
            bool wasteful = filled - own > own / FillDivisor && (tokens >= EnoughTokens || filled - own > EnoughTokens);
            if (group.Count > 0 && (filled > MostTokens || wasteful))
            {
                yield return group;
                (group, own) = ([], next.Ids.Length);
            }
            group.Add(next);
            tokens = own;
        }
        if (group.Count > 0)
            yield return group;
    }

    /// <summary>For each token of a batch the one that follows it; -1 where none does, which no loss counts.</summary>
    public static int[] NextTokens(TokenBatch batch)
    {
        int[] next = new int[batch.Ids.Length];
        for (int i = 0; i < next.Length; i++)
            next[i] = (i + 1) % batch.Length != 0 && batch.Mask?[i + 1] != false ? batch.Ids[i + 1] : -1;
        return next;
    }
}
