namespace LowRankTools.Core;

/// <summary>How far an operation has come.</summary>
/// <param name="Activity">What is being done: Planning, Factorizing, Merging, Comparing.</param>
/// <param name="Item">The tensor at hand.</param>
/// <param name="Done">Work done, in the operation's own unit.</param>
/// <param name="Total">All of the work, in the same unit.</param>
public readonly record struct OperationProgress(string Activity, string Item, long Done, long Total);
