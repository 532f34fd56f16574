namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>Functions that follow a linear layer, entry by entry.</summary>
public enum Activation
{
    /// <summary>x.</summary>
    None,

    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>The hyperbolic tangent.</summary>
    Tanh,

    /// <summary>x / (1 + e^-x), also called swish.</summary>
    Silu,

    /// <summary>x P(X at most x) for standard normal X, the exact form.</summary>
    Gelu,

    /// <summary>GELU with a hyperbolic tangent: x / (1 + e^-2u), u = sqrt(2/pi) (x + 0.044715 x^3).</summary>
    GeluTanh,
}
