namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>How the rows of queries, keys and values belong together in an attention.</summary>
/// <param name="Batch">Sequences, one after another in the rows.</param>
/// <param name="Heads">Heads of the queries, side by side in the columns.</param>
/// <param name="KeyHeads">Heads of keys and values; each serves Heads / KeyHeads heads of the queries.</param>
/// <param name="Causal">Whether a query sees only keys up to its own place, the last query at the last key.</param>
/// <param name="Scale">Factor of the inner products, usually 1 / sqrt(width of a head).</param>
public sealed record AttentionShape(int Batch, int Heads, int KeyHeads, bool Causal, double Scale);
