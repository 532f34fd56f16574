using System.Numerics;
using System.Runtime.CompilerServices;
using LowRankTools.Numerics.Kernels.Vectors;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>
/// The standard normal distribution in vectors. With z = |x| / sqrt 2 and t = 1 / (1 + z / 2), erfc(z) = t P(2 t - 1) exp(-z^2)
/// where P is a Chebyshev fit: relative error 2e-8 (float32, degree 10) or 5e-16 (float64, degree 24), in the far tail too.
/// </summary>
internal static class NormalDistribution
{
    private static readonly double[] s_coefficients =
    [
        -1.9111737285984489e-9, 6.5973673028965608e-9, 6.5204346143462091e-9, -5.1456294343556408e-8, 3.6000845292221395e-8,
        1.4971435260217999e-7, -3.2624609352987442e-7, 1.5720540066865315e-8, 1.0305699215293025e-6, -1.8350785408982149e-6,
        -5.7764236115125977e-7, 8.0671062112202639e-6, -1.0842985329964363e-5, -1.7076638145079583e-5, 7.2234188295048055e-5,
        -1.7185254170406895e-5, -0.00033153657669014612, 0.00041864797106605077, 0.0015453060141013287, -0.0032395925295271532,
        -0.010755330944036531, 0.018221115753294919, 0.13973604627801475, 0.34358034220690671, 0.51079135262101153,
    ];

    /// <summary>P(X at most x), and exp(-x^2 / 2), the density but for its constant.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Cumulative<TSimd, TVector, T>(TVector x, out TVector bell)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector minusHalf = TSimd.Fill(T.CreateTruncating(-0.5)), one = TSimd.Fill(T.One);
        bell = Exponential.Exp<TSimd, TVector, T>(TSimd.Multiply(TSimd.Multiply(x, minusHalf), x));
        TVector size = TSimd.Larger(TSimd.Subtract(TSimd.Zero, x), x);
        TVector t = TSimd.Divide(one, TSimd.MultiplyAdd(size, TSimd.Fill(T.CreateTruncating(0.35355339059327376)), one));
        TVector u = TSimd.Subtract(TSimd.Add(t, t), one);
        TVector p = typeof(T) == typeof(float) ? Short<TSimd, TVector, T>(u) : Long<TSimd, TVector, T>(u);

        TVector tail = TSimd.Multiply(TSimd.Multiply(TSimd.Multiply(p, t), TSimd.Fill(T.CreateTruncating(0.5))), bell);
        return TSimd.IfLess(x, TSimd.Zero, tail, TSimd.Subtract(one, tail));
    }

    // Written out, because a table would be read and converted again for each vector.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Short<TSimd, TVector, T>(TVector u)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector p = TSimd.Fill(T.CreateTruncating(4.2161197196387806e-5));
        p = TSimd.MultiplyAdd(p, u, TSimd.Fill(T.CreateTruncating(-3.6601876943794854e-5)));
        p = TSimd.MultiplyAdd(p, u, TSimd.Fill(T.CreateTruncating(-0.00029938271207156448)));
        p = TSimd.MultiplyAdd(p, u, TSimd.Fill(T.CreateTruncating(0.00043067048843585945)));
        p = TSimd.MultiplyAdd(p, u, TSimd.Fill(T.CreateTruncating(0.0015291571607636921)));
        p = TSimd.MultiplyAdd(p, u, TSimd.Fill(T.CreateTruncating(-0.0032434519180997084)));
        p = TSimd.MultiplyAdd(p, u, TSimd.Fill(T.CreateTruncating(-0.010751626186584587)));
        p = TSimd.MultiplyAdd(p, u, TSimd.Fill(T.CreateTruncating(0.018221669428387857)));
        p = TSimd.MultiplyAdd(p, u, TSimd.Fill(T.CreateTruncating(0.13973573352192913)));
        p = TSimd.MultiplyAdd(p, u, TSimd.Fill(T.CreateTruncating(0.34358031871096483)));
        p = TSimd.MultiplyAdd(p, u, TSimd.Fill(T.CreateTruncating(0.51079135691594521)));
        return p;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Long<TSimd, TVector, T>(TVector u)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector p = TSimd.Zero;
        foreach (double coefficient in s_coefficients) p = TSimd.MultiplyAdd(p, u, TSimd.Fill(T.CreateTruncating(coefficient)));
        return p;
    }
}
