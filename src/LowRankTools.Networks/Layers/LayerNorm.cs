using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>(x - mean) / sqrt(variance + epsilon) weight + bias for each token (Ba, Kiros and Hinton, 2016).</summary>
/// <param name="factory">Makes the parameters: ones and zeros.</param>
/// <param name="features">Features of a token.</param>
/// <param name="epsilon">What keeps a row of zeros finite.</param>
/// <param name="bias">Whether there is a bias.</param>
public sealed class LayerNorm(ParameterFactory factory, int features, double epsilon = 1e-5, bool bias = true)
    : NormalizationLayer(Normalization.Layer, epsilon, factory.Constant(1, features), bias ? factory.Constant(0, features) : null)
{
    /// <inheritdoc/>
    protected override string Arguments => $"({Weight!.Shape[0]},), eps={EpsilonText}, elementwise_affine=True";
}
