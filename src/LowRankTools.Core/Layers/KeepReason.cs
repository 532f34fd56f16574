namespace LowRankTools.Core.Layers;

/// <summary>Why a weight stays dense.</summary>
public enum KeepReason
{
    /// <summary>It does not: it is factorized.</summary>
    None,
    /// <summary>It is no matrix of a linear map: a recurrent cell, or a convolution where no method for them was asked for.</summary>
    NotLinear,
    /// <summary>It is an embedding, and embeddings were not asked for.</summary>
    Embedding,
    /// <summary>No -Include pattern names it, or it was not among the chosen layers.</summary>
    NotIncluded,
    /// <summary>An -Exclude pattern names it.</summary>
    Excluded,
    /// <summary>The pair would have as many parameters as the matrix, or more.</summary>
    BreakEven,
    /// <summary>It loses nothing dense, and the budget buys less error anywhere else.</summary>
    Budget,
    /// <summary>A plan or an override says so by hand.</summary>
    ByHand,
    /// <summary>It is one half of a pair already.</summary>
    AlreadyFactorized,
    /// <summary>It shares its storage with a tensor that stays dense.</summary>
    TiedToDense,
    /// <summary>Its element type cannot be converted to numbers.</summary>
    UnreadableType,
    /// <summary>The graph uses it in a way that no pair can stand in for: turned about, cast, shared with a subgraph, handed out.</summary>
    GraphUse,
    /// <summary>Its channels do not see each other, or there is only one: a depthwise or grouped convolution.</summary>
    Grouped,
    /// <summary>It is the kernel of a transposed convolution whose channels are stored last, as TensorFlow does: no chain stands for it there.</summary>
    Transposed,
}
