namespace LowRankTools.Core.Plans;

/// <summary>How the discarded energy of different layers is added up.</summary>
public enum Weighting
{
    /// <summary>Each layer's as a share of its own energy, w = 1 / ||W||^2: every layer counts the same, whatever its scale and size.</summary>
    Relative,
    /// <summary>As it is, w = 1: least ||W - W'|| over all layers as one long vector.</summary>
    Absolute,
    /// <summary>By the calibration inputs X: ||(W - W') X||^2 as a share of ||W X||^2, times the layer's sensitivity.</summary>
    Calibrated,
    /// <summary>
    /// By the loss's first-order change |u^T G v| of each direction that a rank drops, G being the loss's gradient at the weight (ZS-SVD and IO-SVD, 2025): one sum over
    /// all layers in the loss's own unit, which no energy enters.
    /// </summary>
    FirstOrder,
}
