namespace LowRankTools.Networks.Layers;

/// <summary>What an attention is told at each call.</summary>
/// <param name="Batch">Sequences, one after another in the rows of queries, keys and values.</param>
/// <param name="KeyMask">Whether a key may be seen, one entry for each row of the keys; null when all may.</param>
/// <param name="Rotary">Tables for the positions of queries and keys, or null.</param>
public sealed record AttentionInput(int Batch = 1, bool[]? KeyMask = null, RotaryTables? Rotary = null)
{
    /// <summary>One sequence, all keys, no rotary positions.</summary>
    public static AttentionInput Default { get; } = new();
}
