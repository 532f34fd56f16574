using LowRankTools.TorchSharp.Modules;

namespace LowRankTools.TorchSharp.Pivoted;

/// <summary>Everything that the surgery that makes pivoted pairs can be told.</summary>
public sealed record PivotedOptions : LinearSurgeryOptions;
