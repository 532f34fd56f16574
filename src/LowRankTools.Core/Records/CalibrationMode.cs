namespace LowRankTools.Core.Records;

/// <summary>How much of a layer's inputs its truncation looks at.</summary>
public enum CalibrationMode
{
    /// <summary>Their whole Gram matrix, and that of the output gradients where it is given: the error at the layer's output is the least possible.</summary>
    Full,
    /// <summary>The whole Gram matrix of the inputs alone, whatever else the file holds: the whitened truncation of Wang et al., SVD-LLM, 2024.</summary>
    Inputs,
    /// <summary>Only the mean magnitude of each input: the columns of W are scaled by its root (Yuan et al., ASVD, 2023). Cheap, not optimal.</summary>
    Diagonal,
    /// <summary>
    /// As <see cref="Full"/>, but behind compressed layers half way between what a layer made of its own inputs and what it would make of those that arrive: the blend of both
    /// targets in SAES-SVD (2026), bounded to equal parts, where anchoring at the original alone fits the errors of few inputs. Without such inputs it is Full.
    /// </summary>
    Blended,
    /// <summary>
    /// The directions of a truncation that weighs inputs and outputs by the square roots of their Gram matrices, between the plain one and <see cref="Full"/>, and then one
    /// alternating sweep: the left factor fitted to the right one, the right one to the left one, by least squares in the whole matrices (after AIR).
    /// </summary>
    Swept,
}
