namespace LowRankTools.Core;

/// <summary>One thing that a kernel may become.</summary>
/// <param name="Choice">Method and ranks.</param>
/// <param name="Parameters">Entries of all its kernels.</param>
/// <param name="Error">||K - K'|| / ||K||; null where it was not computed.</param>
internal sealed record KernelOption(FactorChoice Choice, long Parameters, double? Error);
