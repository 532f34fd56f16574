namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>Ways to bring each row of a matrix to one size.</summary>
public enum Normalization
{
    /// <summary>(x - mean) / sqrt(variance + epsilon), the variance divided by n (Ba, Kiros and Hinton, 2016).</summary>
    Layer,

    /// <summary>x / sqrt(mean of x^2 + epsilon) (Zhang and Sennrich, 2019).</summary>
    RootMeanSquare,
}
