using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>
/// A linear map of features with an activation behind it, bias and activation in one pass: a dense <see cref="Linear"/> or a
/// <see cref="LowRankLinear"/> in its place.
/// </summary>
public abstract class LinearLayer : Layer
{
    /// <summary>Features of an input.</summary>
    public abstract int InFeatures { get; }

    /// <summary>Features of an output.</summary>
    public abstract int OutFeatures { get; }

    /// <summary>Whether a bias is added to the output.</summary>
    public abstract bool HasBias { get; }

    /// <inheritdoc/>
    public sealed override ITensor Forward(Pass pass, ITensor x) => Forward(pass, x, Activation.None);

    /// <inheritdoc/>
    public sealed override ITensor Backward(Pass pass, ITensor gradient) => Backward(pass, gradient, Activation.None);

    /// <summary>y = f(x W^T + b).</summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="x">Tokens x in.</param>
    /// <param name="activation">f.</param>
    /// <returns>Tokens x out.</returns>
    public abstract ITensor Forward(Pass pass, ITensor x, Activation activation);

    /// <summary>dx from dy, with the f of the way forward.</summary>
    public abstract ITensor Backward(Pass pass, ITensor gradient, Activation activation);
}
