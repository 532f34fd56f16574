using LowRankTools.Numerics.Kernels.Networks;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <summary>The activations and their derivatives as libtorch computes them.</summary>
internal static class ActivationFormulas
{
    private const double Scale = 2 * 0.79788456080286541, Cubic = 0.044715;

    /// <summary>x = f(x). In place: large fresh tensors are fresh pages, which cost more than the formulas.</summary>
    public static Tensor Apply(Activation activation, Tensor x) => activation switch
    {
        Activation.Relu => x.relu_(),
        Activation.Tanh => x.tanh_(),
        Activation.Silu => x.silu_(),
        Activation.Gelu => x.mul_(Below(x)),
        Activation.GeluTanh => x.mul_(Weight(x)),
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
                return y.mul_(y).neg_().add_(1);
            case Activation.Silu:
                Tensor s = x.sigmoid();
                return s.neg().add_(1).mul_(x).add_(1).mul_(s);
            case Activation.Gelu:
                return x.mul(-0.5).mul_(x).exp_().mul_(x).mul_(0.3989422804014327).add_(Below(x));
            case Activation.GeluTanh:
                Tensor w = Weight(x);
                return x.mul(x).mul_(3 * Scale * Cubic).add_(Scale).mul_(w.neg().add_(1)).mul_(x).add_(1).mul_(w);
            default:
                return ones_like(x);
        }
    }

    // P(X at most x), by the complement, which keeps its digits in the lower tail; those of libtorch's own GELU cancel there.
    private static Tensor Below(Tensor x) => x.mul(-0.70710678118654752).erfc_().mul_(0.5);

    private static Tensor Weight(Tensor x) => x.mul(x).mul_(Scale * Cubic).add_(Scale).mul_(x).sigmoid_();
}
