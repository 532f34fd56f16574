using LowRankTools.Networks.Layers;
using LowRankTools.Numerics;

namespace LowRankTools.Networks.Architectures;

/// <summary>Several sequences of token ids of one length; shorter ones are filled up and the fill is marked.</summary>
public sealed class TokenBatch : NetworkBatch
{
    /// <summary>Creates a batch.</summary>
    /// <param name="ids">Token ids, sequence after sequence.</param>
    /// <param name="sequences">Number of sequences; it divides the number of ids.</param>
    /// <exception cref="LowRankToolsException"><c>InputInvalid</c>.</exception>
    public TokenBatch(int[] ids, int sequences = 1)
    {
        if (sequences < 1 || ids.Length == 0 || ids.Length % sequences != 0)
            throw new LowRankToolsException(NetworkConfigErrors.InputInvalid, $"{ids.Length} token ids are not {sequences} sequences of one length.", "Fill shorter sequences up, and mark the fill.");
        Ids = ids;
        Sequences = sequences;
    }

    /// <summary>Token ids, sequence after sequence.</summary>
    public int[] Ids { get; }

    /// <summary>Number of sequences.</summary>
    public int Sequences { get; }

    /// <summary>Tokens of a sequence, the fill included.</summary>
    public int Length => Ids.Length / Sequences;

    /// <inheritdoc/>
    public override int TokenCount => Ids.Length;

    /// <summary>For each token whether it is one and not fill; null where all are.</summary>
    public bool[]? Mask
    {
        get;
        init => field = value is null || value.Length == Ids.Length ? value : throw Unequal("marks", value.Length);
    }

    /// <summary>For each token the kind of its segment; null where all are of kind 0.</summary>
    public int[]? Segments
    {
        get;
        init => field = value is null || value.Length == Ids.Length ? value : throw Unequal("segments", value.Length);
    }

    /// <summary>Positions in the sequence, token by token: 0, 1, 2, ..., 0, 1, 2, ...</summary>
    public int[] Positions() => [.. Enumerable.Range(0, Ids.Length).Select(i => i % Length)];

    /// <summary>Rows of the first tokens of all sequences.</summary>
    internal int[] FirstTokens() => [.. Enumerable.Range(0, Sequences).Select(i => i * Length)];

    /// <summary>How attention sees the rows.</summary>
    internal AttentionInput AttentionInput(RotaryTables? rotary = null) => new(Sequences, Mask, rotary);

    /// <summary>Fails where a token or the length is out of bounds.</summary>
    /// <param name="tokens">Number of different tokens.</param>
    /// <param name="positions">Most tokens of a sequence.</param>
    /// <exception cref="LowRankToolsException"><c>InputInvalid</c>.</exception>
    internal void Check(int tokens, int positions)
    {
        if (Length > positions)
            throw new LowRankToolsException(NetworkConfigErrors.InputInvalid, $"A sequence has {Length} tokens; the network has {positions} positions.", "Cut it, or give it in pieces.");
        foreach (int id in Ids)
        {
            if ((uint)id >= (uint)tokens)
                throw new LowRankToolsException(NetworkConfigErrors.InputInvalid, $"The token id {id} is not between 0 and {tokens - 1}.", "Use the model's own tokenizer.");
        }
    }

    private LowRankToolsException Unequal(string what, int count) =>
        new(NetworkConfigErrors.InputInvalid, $"There are {count} {what} for {Ids.Length} tokens.");
}
