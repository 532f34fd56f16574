namespace LowRankTools.Core.Comparison;

/// <summary>Where a tensor is found when two models are compared.</summary>
public enum DifferenceStatus
{
    /// <summary>In both, with equal values.</summary>
    Same,
    /// <summary>In both, with one shape and different values.</summary>
    Changed,
    /// <summary>In both, with different shapes.</summary>
    ShapeDiffers,
    /// <summary>Only in the reference.</summary>
    OnlyInReference,
    /// <summary>Only in the model that is compared.</summary>
    OnlyInModel,
    /// <summary>In both, in a type whose values cannot be read.</summary>
    NotComparable,
}
