using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>x / sqrt(mean of x^2 + epsilon) weight for each token (Zhang and Sennrich, 2019).</summary>
/// <param name="factory">Makes the parameter: ones.</param>
/// <param name="features">Features of a token.</param>
/// <param name="epsilon">What keeps a row of zeros finite.</param>
public sealed class RmsNorm(ParameterFactory factory, int features, double epsilon = 1e-6)
    : NormalizationLayer(Normalization.RootMeanSquare, epsilon, factory.Constant(1, features), null)
{
    /// <inheritdoc/>
    public override string TypeName => "RMSNorm";

    /// <inheritdoc/>
    protected override string Arguments => $"({Weight!.Shape[0]},), eps={EpsilonText}";
}
