using LowRankTools.Core.Storage;

namespace LowRankTools.Core.Planning.Candidates;

/// <summary>One thing that a weight may become.</summary>
/// <param name="Choice">Method and ranks.</param>
/// <param name="Parameters">Entries of all its factors.</param>
/// <param name="Error">||W - W'|| / ||W||; null where it was not computed.</param>
internal sealed record LayerOption(FactorChoice Choice, long Parameters, double? Error);
