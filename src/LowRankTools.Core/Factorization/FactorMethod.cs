namespace LowRankTools.Core;

/// <summary>What convolutions become. Matrices of linear maps and embeddings become pairs whatever is chosen.</summary>
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
    /// <summary>For each kernel the one of the others that loses least at the same number of parameters.</summary>
    Auto,
}
