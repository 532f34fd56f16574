namespace LowRankTools.Core.Layers;

/// <summary>What weights become. What a method is not for becomes a pair where it is a matrix, or a 1 x 1 kernel.</summary>
public enum FactorMethod
{
    /// <summary>A convolution with the kernel's places into few channels, then 1 x 1: the singular value decomposition of the flattened kernel.</summary>
    Svd,
    /// <summary>1 x 1 into few channels, the kernel's places between few, 1 x 1 out of them: Tucker-2.</summary>
    Tucker,
    /// <summary>1 x 1 into few channels, each by itself over lines and then over columns, 1 x 1 out of them: CP.</summary>
    Cp,
    /// <summary>Over lines into few channels, then over columns: a singular value decomposition across space.</summary>
    SpatialSvd,
    /// <summary>A linear layer or an embedding as a TT-matrix; convolutions stay as they are.</summary>
    TensorTrain,
    /// <summary>The pair of a linear layer in the fewest numbers: as many of its rows as its rank, and the others as combinations of them; convolutions and embeddings as without a method.</summary>
    Pivoted,
    /// <summary>For each weight the one of the others, or the pair, that loses least at the same number of parameters.</summary>
    Auto,
}
