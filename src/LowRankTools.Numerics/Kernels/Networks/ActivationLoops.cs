using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>Bias and activation in one pass, its derivative, and the gated product, row by row.</summary>
internal static unsafe class ActivationLoops
{
    /// <summary>y = f(x + bias); in place when x is y.</summary>
    /// <param name="function">f.</param>
    /// <param name="x">Rows of inputs.</param>
    /// <param name="bias">One entry a column, or null.</param>
    /// <param name="y">Rows of outputs.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="ct">Stops the loop.</param>
    public static void Forward<T>(Activation function, MatrixView<T> x, T* bias, MatrixView<T> y, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Run(function, x, bias, null, default, y, threads, ct);

    /// <summary>dx = dy f'(x + bias); in place when dx is dy.</summary>
    public static void Backward<T>(Activation function, MatrixView<T> x, T* bias, MatrixView<T> dy, MatrixView<T> dx, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Run(function, x, bias, true, dy, dx, threads, ct);

    /// <summary>y = f(gate) up.</summary>
    public static void Gate<T>(Activation function, MatrixView<T> gate, MatrixView<T> up, MatrixView<T> y, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Run(function, gate, null, false, up, y, threads, ct);

    private static void Run<T>(Activation function, MatrixView<T> x, T* bias, bool? slope, MatrixView<T> factor, MatrixView<T> y, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        RowTasks.Run(x.Rows, x.Columns, threads, (_, first, end) =>
        {
            for (int i = first; i < end; i++)
            {
                T* other = slope is null ? null : factor.Row(i);
                switch (function)
                {
                    case Activation.Relu: Row<ReluFunction, T>(x.Row(i), bias, slope ?? false, other, y.Row(i), x.Columns); break;
                    case Activation.Tanh: Row<TanhFunction, T>(x.Row(i), bias, slope ?? false, other, y.Row(i), x.Columns); break;
                    case Activation.Silu: Row<SiluFunction, T>(x.Row(i), bias, slope ?? false, other, y.Row(i), x.Columns); break;
                    case Activation.Gelu: Row<GeluFunction, T>(x.Row(i), bias, slope ?? false, other, y.Row(i), x.Columns); break;
                    case Activation.GeluTanh: Row<GeluTanhFunction, T>(x.Row(i), bias, slope ?? false, other, y.Row(i), x.Columns); break;
                    default: Row<IdentityFunction, T>(x.Row(i), bias, slope ?? false, other, y.Row(i), x.Columns); break;
                }
            }
        }, ct);
    }

    private static void Row<TF, T>(T* x, T* bias, bool slope, T* factor, T* y, int count)
        where TF : struct, IActivationFunction
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int done;
        if (Vector512.IsHardwareAccelerated) done = Row<TF, Simd512<T>, Vector512<T>, T>(x, bias, slope, factor, y, 0, count);
        else if (Vector256.IsHardwareAccelerated) done = Row<TF, Simd256<T>, Vector256<T>, T>(x, bias, slope, factor, y, 0, count);
        else done = Vector128.IsHardwareAccelerated ? Row<TF, Simd128<T>, Vector128<T>, T>(x, bias, slope, factor, y, 0, count) : 0;
        if (done < count) Row<TF, SimdScalar<T>, T, T>(x, bias, slope, factor, y, done, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Row<TF, TSimd, TVector, T>(T* x, T* bias, bool slope, T* factor, T* y, int i, int count)
        where TF : struct, IActivationFunction
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int lanes = TSimd.Lanes;
        if (slope)
        {
            for (; i <= count - lanes; i += lanes)
            {
                TVector z = bias is null ? TSimd.Load(x + i) : TSimd.Add(TSimd.Load(x + i), TSimd.Load(bias + i));
                TSimd.Store(TSimd.Multiply(TF.Slope<TSimd, TVector, T>(z), TSimd.Load(factor + i)), y + i);
            }

            return i;
        }

        for (; i <= count - lanes; i += lanes)
        {
            TVector z = bias is null ? TSimd.Load(x + i) : TSimd.Add(TSimd.Load(x + i), TSimd.Load(bias + i));
            TVector value = TF.Value<TSimd, TVector, T>(z);
            TSimd.Store(factor is null ? value : TSimd.Multiply(value, TSimd.Load(factor + i)), y + i);
        }

        return i;
    }
}
