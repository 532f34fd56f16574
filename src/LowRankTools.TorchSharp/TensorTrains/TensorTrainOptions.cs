using LowRankTools.TorchSharp.Modules;

namespace LowRankTools.TorchSharp.TensorTrains;

/// <summary>Everything that the surgery that makes tensor trains can be told.</summary>
public sealed record TensorTrainOptions : LinearSurgeryOptions
{
    /// <summary>How sizes of sides are split into modes, each list for the size that it multiplies to, such as 4, 8, 8, 4 for 1024; the others are split evenly.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Splits { get; init; } = [];
}
