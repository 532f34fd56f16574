namespace LowRankTools.Core.Decompositions;

/// <summary>Why a tensor is not decomposed.</summary>
public enum TensorKeepReason
{
    /// <summary>It is decomposed.</summary>
    None,
    /// <summary>No -Include pattern names it, or it was not among the chosen layers.</summary>
    NotIncluded,
    /// <summary>An -Exclude pattern names it.</summary>
    Excluded,
    /// <summary>It has a number of modes that the method does not take, or takes of named tensors only: two of matrices that are no linear maps, two at all where more are taken.</summary>
    ModeCount,
    /// <summary>The factors would have as many parameters as the tensor, or more.</summary>
    NotSmaller,
    /// <summary>It is a factor of a low-rank pair or of another decomposition already.</summary>
    AlreadyFactorized,
    /// <summary>It shares its storage with another tensor.</summary>
    Shared,
    /// <summary>Its elements are no floating-point numbers, or of a type without conversion.</summary>
    UnreadableType,
}
