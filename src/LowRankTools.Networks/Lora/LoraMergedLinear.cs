using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;

namespace LowRankTools.Networks.Lora;

/// <summary>
/// A linear layer that stands for several side by side, such as the packed queries, keys and values of GPT-2, with pairs in some
/// of them. It is loralib's <c>MergedLinear</c>: with n groups of which e are enabled, A is (e r) x in, B is (e out / n) x r, and
/// the outputs of group g grow by s dropout(x) A_g^T B_g^T.
/// </summary>
public sealed class LoraMergedLinear : LoraProjection
{
    /// <summary>Creates a layer with a fresh weight.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="inFeatures">Features of an input.</param>
    /// <param name="outFeatures">Features of an output, all groups together.</param>
    /// <param name="options">Its <see cref="LoraOptions.EnabledGroups"/> say which groups get pairs.</param>
    /// <param name="bias">Whether a bias is added.</param>
    public LoraMergedLinear(ParameterFactory factory, int inFeatures, int outFeatures, LoraOptions options, bool bias = true)
        : this(factory, FreshWeight(factory, inFeatures, outFeatures, options), bias ? factory.Uniform(Linear.Bound(inFeatures), outFeatures) : null, options)
    {
    }

    /// <summary>Creates a layer on parameters that are there already; the weight is frozen.</summary>
    /// <param name="factory">Makes A and B.</param>
    /// <param name="weight">W, out x in; in x out with <see cref="LoraOptions.FanInFanOut"/>.</param>
    /// <param name="bias">b, out, or null.</param>
    /// <param name="options">Its <see cref="LoraOptions.EnabledGroups"/> say which groups get pairs.</param>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException">RankNotPositive, LoraOptionsInvalid, ShapesDoNotMatch.</exception>
    public LoraMergedLinear(ParameterFactory factory, Parameter weight, Parameter? bias, LoraOptions options)
        : base(factory, weight, bias, options)
    {
    }

    /// <inheritdoc/>
    protected override string Arguments => $"{base.Arguments}, groups=[{string.Join(", ", Options.EnabledGroups ?? [true])}]";
}
