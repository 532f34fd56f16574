namespace LowRankTools.Core.Training;

/// <summary>A model that was trained to do what its original does.</summary>
public sealed record OptimizeResult : TrainingResult
{
    /// <summary>Full path of the original.</summary>
    public required string Reference { get; init; }
}
