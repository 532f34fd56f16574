namespace LowRankTools.Core.Speed;

/// <summary>Layers that take activations of several modes as they are.</summary>
public enum ContractionMethod
{
    /// <summary>A matrix for each mode: a tensor contraction layer, which gives as many modes as it takes.</summary>
    Contraction,
    /// <summary>A tensor regression layer whose weight is a CP decomposition.</summary>
    Cp,
    /// <summary>A tensor regression layer whose weight is a Tucker decomposition.</summary>
    Tucker,
    /// <summary>A tensor regression layer whose weight is a tensor train.</summary>
    TensorTrain,
}
