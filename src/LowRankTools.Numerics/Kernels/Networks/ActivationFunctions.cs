using System.Numerics;
using System.Runtime.CompilerServices;
using LowRankTools.Numerics.Kernels.Vectors;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>A function of one variable and its derivative, in vectors.</summary>
internal interface IActivationFunction
{
    static abstract TVector Value<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    static abstract TVector Slope<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>;
}

/// <summary>x.</summary>
internal readonly struct IdentityFunction : IActivationFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Value<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Slope<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => TSimd.Fill(T.One);
}

/// <summary>max(x, 0); the derivative at 0 is 0.</summary>
internal readonly struct ReluFunction : IActivationFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Value<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => TSimd.Larger(TSimd.Zero, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Slope<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => TSimd.IfLess(TSimd.Zero, x, TSimd.Fill(T.One), TSimd.Zero);
}

/// <summary>The hyperbolic tangent, as (e^2x - 1) / (e^2x - 1 + 2).</summary>
internal readonly struct TanhFunction : IActivationFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Value<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // Past 40 the quotient is 1, and the power must not overflow.
        TVector bounded = TSimd.Smaller(TSimd.Fill(T.CreateTruncating(40)), x);
        TVector e = Exponential.ExpMinusOne<TSimd, TVector, T>(TSimd.Add(bounded, bounded));
        return TSimd.Divide(e, TSimd.Add(e, TSimd.Fill(T.CreateTruncating(2))));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Slope<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector y = Value<TSimd, TVector, T>(x), one = TSimd.Fill(T.One);
        return TSimd.Multiply(TSimd.Subtract(one, y), TSimd.Add(one, y));
    }
}

/// <summary>x / (1 + e^-x), also called swish.</summary>
internal readonly struct SiluFunction : IActivationFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Value<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => TSimd.Multiply(x, Logistic.Of<TSimd, TVector, T>(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Slope<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector s = Logistic.Of<TSimd, TVector, T>(x), one = TSimd.Fill(T.One);
        return TSimd.Multiply(s, TSimd.MultiplyAdd(x, TSimd.Subtract(one, s), one));
    }
}

/// <summary>x P(X at most x) for standard normal X (Hendrycks and Gimpel, 2016).</summary>
internal readonly struct GeluFunction : IActivationFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Value<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => TSimd.Multiply(x, NormalDistribution.Cumulative<TSimd, TVector, T>(x, out _));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Slope<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector below = NormalDistribution.Cumulative<TSimd, TVector, T>(x, out TVector bell);
        return TSimd.MultiplyAdd(TSimd.Multiply(x, bell), TSimd.Fill(T.CreateTruncating(0.3989422804014327)), below);
    }
}

/// <summary>x / (1 + e^-2u), u = sqrt(2/pi) (x + 0.044715 x^3): the form of GELU with a hyperbolic tangent.</summary>
internal readonly struct GeluTanhFunction : IActivationFunction
{
    private const double Scale = 2 * 0.79788456080286541, Cubic = 0.044715;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Value<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => TSimd.Multiply(x, Weight<TSimd, TVector, T>(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Slope<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector s = Weight<TSimd, TVector, T>(x), one = TSimd.Fill(T.One);
        TVector inner = TSimd.MultiplyAdd(TSimd.Multiply(x, x), TSimd.Fill(T.CreateTruncating(3 * Scale * Cubic)), TSimd.Fill(T.CreateTruncating(Scale)));
        return TSimd.Multiply(s, TSimd.MultiplyAdd(TSimd.Multiply(x, inner), TSimd.Subtract(one, s), one));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Weight<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector factor = TSimd.MultiplyAdd(TSimd.Multiply(x, x), TSimd.Fill(T.CreateTruncating(Scale * Cubic)), TSimd.Fill(T.CreateTruncating(Scale)));
        return Logistic.Of<TSimd, TVector, T>(TSimd.Multiply(x, factor));
    }
}

/// <summary>1 / (1 + e^-x).</summary>
internal static class Logistic
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Of<TSimd, TVector, T>(TVector x)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector one = TSimd.Fill(T.One);
        return TSimd.Divide(one, TSimd.Add(one, Exponential.Exp<TSimd, TVector, T>(TSimd.Subtract(TSimd.Zero, x))));
    }
}
