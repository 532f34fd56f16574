using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;

namespace LowRankTools.Networks.Lora;

/// <summary>
/// A linear layer with a frozen weight and one pair: y = x W^T + b + s dropout(x) A^T B^T, s = alpha / r (Hu et al., 2021). It is
/// loralib's <c>Linear</c>: A of r x in, B of out x r.
/// </summary>
public sealed class LoraLinear : LoraProjection
{
    /// <summary>Creates a layer with a fresh weight, as a <see cref="Linear"/> starts.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="inFeatures">Features of an input.</param>
    /// <param name="outFeatures">Features of an output.</param>
    /// <param name="options">Rank, alpha, dropout and the rest; groups and the start from W are for others.</param>
    /// <param name="bias">Whether a bias is added; it stays trainable until somebody freezes it.</param>
    public LoraLinear(ParameterFactory factory, int inFeatures, int outFeatures, LoraOptions options, bool bias = true)
        : this(factory, FreshWeight(factory, inFeatures, outFeatures, options), bias ? factory.Uniform(Linear.Bound(inFeatures), outFeatures) : null, options)
    {
    }

    /// <summary>Creates a layer on parameters that are there already; the weight is frozen.</summary>
    /// <param name="factory">Makes A and B.</param>
    /// <param name="weight">W, out x in; in x out with <see cref="LoraOptions.FanInFanOut"/>.</param>
    /// <param name="bias">b, out, or null.</param>
    /// <param name="options">Rank, alpha, dropout and the rest.</param>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException">RankNotPositive, LoraOptionsInvalid.</exception>
    public LoraLinear(ParameterFactory factory, Parameter weight, Parameter? bias, LoraOptions options)
        : base(factory, weight, bias, options with { EnabledGroups = null })
    {
    }
}
