namespace LowRankTools.Core.Plans;

/// <summary>What a plan knows of the error that a rank costs.</summary>
public enum SpectrumOrigin
{
    /// <summary>Nothing: the rule needs no values.</summary>
    None,
    /// <summary>The singular values of the weights.</summary>
    Weights,
    /// <summary>The singular values of the weights as the calibration inputs see them.</summary>
    Calibration,
    /// <summary>No values are there. The assumption is that sigma_k falls as 1 / sqrt k in every layer and all layers have the same energy.</summary>
    Assumed,
}
