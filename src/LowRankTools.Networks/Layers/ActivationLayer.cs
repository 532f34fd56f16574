using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>An activation as a module of its own. Behind a linear layer, <see cref="Sequential"/> computes both in one pass.</summary>
/// <param name="activation">Which.</param>
public sealed class ActivationLayer(Activation activation) : Layer
{
    /// <summary>Which.</summary>
    public Activation Activation => activation;

    /// <inheritdoc/>
    public override string TypeName => activation switch
    {
        Activation.Relu => "ReLU",
        Activation.Tanh => "Tanh",
        Activation.Silu => "SiLU",
        Activation.Gelu or Activation.GeluTanh => "GELU",
        _ => "Identity",
    };

    /// <inheritdoc/>
    protected override string Arguments => activation switch
    {
        Activation.Gelu => "approximate='none'",
        Activation.GeluTanh => "approximate='tanh'",
        _ => string.Empty,
    };

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x)
    {
        if (activation == Activation.None) return x;
        ITensor y = pass.New(x, [.. x.Shape]);
        pass.Engine.Activate(activation, x, null, y, pass.CancellationToken);
        pass.Save(this, x, x);
        return y;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient)
    {
        if (activation == Activation.None) return gradient;
        pass.Engine.ActivateBackward(activation, pass.Restore<ITensor>(this), null, gradient, gradient, pass.CancellationToken);
        return gradient;
    }
}
