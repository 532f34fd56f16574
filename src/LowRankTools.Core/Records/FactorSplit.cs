namespace LowRankTools.Core.Records;

/// <summary>Where the singular values of W = U S V^T go when it becomes a pair.</summary>
public enum FactorSplit
{
    /// <summary>Their roots to both factors: equal norms, the best start for training on and for low precision.</summary>
    Balanced,
    /// <summary>To the output side: U S and V^T, so that the first factor's rows are orthonormal.</summary>
    Left,
    /// <summary>To the input side: U and S V^T, so that the second factor's columns are orthonormal.</summary>
    Right,
}
