using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>
/// A pair in place of a dense layer: y = (x A^T + a) B^T + b with A of rank x in and B of out x rank. It prints, and names its
/// parameters, as the Sequential of two Linears that PyTorch makes of it: <c>0.weight</c> is A, <c>1.weight</c> B.
/// </summary>
public sealed class LowRankLinear : LinearLayer
{
    private readonly Slot<Linear> _first, _second;

    /// <summary>Creates a pair with a fresh start.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="inFeatures">Features of an input.</param>
    /// <param name="outFeatures">Features of an output.</param>
    /// <param name="rank">Features between the two.</param>
    /// <param name="bias">Whether the second half has a bias.</param>
    /// <param name="firstBias">Whether the first half has one too.</param>
    public LowRankLinear(ParameterFactory factory, int inFeatures, int outFeatures, int rank, bool bias = true, bool firstBias = false)
        : this(new Linear(factory, inFeatures, rank, firstBias), new Linear(factory, rank, outFeatures, bias))
    {
    }

    /// <summary>Creates a pair of two layers.</summary>
    /// <param name="first">in to rank.</param>
    /// <param name="second">rank to out.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch.</exception>
    public LowRankLinear(Linear first, Linear second)
    {
        if (first.OutFeatures != second.InFeatures)
            throw new LowRankToolsException("ShapesDoNotMatch", $"The first half gives {first.OutFeatures} features, the second takes {second.InFeatures}.");
        _first = AddChild("0", first);
        _second = AddChild("1", second);
    }

    /// <summary>in to rank.</summary>
    public Linear First => _first.Module;

    /// <summary>rank to out.</summary>
    public Linear Second => _second.Module;

    /// <summary>Features between the two.</summary>
    public int Rank => First.OutFeatures;

    /// <inheritdoc/>
    public override int InFeatures => First.InFeatures;

    /// <inheritdoc/>
    public override int OutFeatures => Second.OutFeatures;

    /// <inheritdoc/>
    public override bool HasBias => Second.HasBias;

    /// <inheritdoc/>
    public override string TypeName => nameof(Sequential);

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x, Activation activation)
    {
        ITensor inner = First.Forward(pass, x);
        ITensor y = Second.Forward(pass, inner, activation);
        pass.Release(inner);
        return y;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient, Activation activation) =>
        First.Backward(pass, Second.Backward(pass, gradient, activation));
}
