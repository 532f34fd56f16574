using LowRankTools.Numerics.Kernels.Networks;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <summary>The activations and their derivatives as libtorch computes them.</summary>
internal static class ActivationFormulas
{
    private const double Scale = 2 * 0.79788456080286541, Cubic = 0.044715;

    /// <summary>f(x).</summary>
    public static Tensor Value(Activation activation, Tensor x) => activation switch
    {
        Activation.Relu => x.clamp_min(0),
        Activation.Tanh => x.tanh(),
        Activation.Silu => x.mul(x.sigmoid()),
        Activation.Gelu => x.mul(Below(x)),
        Activation.GeluTanh => x.mul(Weight(x)),
        _ => x,
    };

    /// <summary>f'(x).</summary>
    public static Tensor Slope(Activation activation, Tensor x)
    {
        switch (activation)
        {
            case Activation.Relu:
                return x.gt(0).to(x.dtype);
            case Activation.Tanh:
                Tensor y = x.tanh();
                return y.neg().mul(y).add(1);
            case Activation.Silu:
                Tensor s = x.sigmoid();
                return s.mul(s.neg().add(1).mul(x).add(1));
            case Activation.Gelu:
                return Below(x).add(x.mul(-0.5).mul(x).exp().mul(x).mul(0.3989422804014327));
            case Activation.GeluTanh:
                Tensor w = Weight(x);
                return w.mul(w.neg().add(1).mul(x.mul(x).mul(3 * Scale * Cubic).add(Scale)).mul(x).add(1));
            default:
                return ones_like(x);
        }
    }

    // P(X at most x), by the complement, which keeps its digits in the lower tail.
    private static Tensor Below(Tensor x) => x.mul(-0.70710678118654752).erfc().mul(0.5);

    private static Tensor Weight(Tensor x) => x.mul(x).mul(Scale * Cubic).add(Scale).mul(x).sigmoid();
}
