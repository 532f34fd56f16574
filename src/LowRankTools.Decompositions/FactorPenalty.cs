namespace LowRankTools.Decompositions;

/// <summary>What a factor of a fit by expression costs beside the error, relative to the tensor's squared norm, and whether it may be negative.</summary>
/// <param name="L1">Weight of the sum of its entries' magnitudes, which brings entries to exact zeros.</param>
/// <param name="L2">Weight of the sum of its entries' squares.</param>
/// <param name="NonNegative">Whether no entry is negative.</param>
public sealed record FactorPenalty(double L1 = 0, double L2 = 0, bool NonNegative = false);
