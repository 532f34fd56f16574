using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Memory;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>
/// y = (x - m) s w + b for each row, with m its mean and 1/s^2 its variance plus epsilon, or m = 0 and 1/s^2 the mean of
/// the squares plus epsilon. A row is read three times, from the first-level cache after the first.
/// </summary>
internal static unsafe class NormalizationRows
{
    /// <summary>Normalizes every row; in place when x is y.</summary>
    /// <param name="kind">Which mean.</param>
    /// <param name="x">Rows of inputs.</param>
    /// <param name="weight">w, one entry a column, or null for ones.</param>
    /// <param name="bias">b, one entry a column, or null for zeros.</param>
    /// <param name="epsilon">What keeps a row of zeros finite.</param>
    /// <param name="y">Rows of outputs.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="ct">Stops the loop.</param>
    public static void Forward<T>(Normalization kind, MatrixView<T> x, T* weight, T* bias, T epsilon, MatrixView<T> y, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        RowTasks.Run(x.Rows, x.Columns, threads, (_, first, end) =>
        {
            for (int i = first; i < end; i++)
            {
                (T mean, T scale) = Statistics(kind, x.Row(i), epsilon, x.Columns);
                Apply(x.Row(i), mean, scale, weight, bias, y.Row(i), x.Columns);
            }
        }, ct);
    }

    /// <summary>The gradients: dx is set, those of weight and bias grow.</summary>
    /// <remarks>
    /// With g = dy w and h = (x - m) s: dx = s (g - mean(g) - h mean(g h)), without mean(g) where there is no m. Sums over
    /// rows are kept by task and added in their order.
    /// </remarks>
    public static void Backward<T>(Normalization kind, MatrixView<T> x, T* weight, T epsilon, MatrixView<T> dy, MatrixView<T> dx, T* weightGradient, T* biasGradient, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int columns = x.Columns, tasks = RowTasks.CountOf(x.Rows, columns);
        using Scratch sums = Scratch.Rent<T>(2L * tasks * columns);
        T* partial = sums.As<T>();
        RowTasks.Run(x.Rows, columns, threads, (task, first, end) =>
        {
            T* weightSum = partial + (2L * task * columns), biasSum = weightSum + columns;
            new Span<T>(weightSum, 2 * columns).Clear();
            for (int i = first; i < end; i++)
            {
                (T mean, T scale) = Statistics(kind, x.Row(i), epsilon, columns);
                Gradients(kind, x.Row(i), mean, scale, weight, dy.Row(i), dx.Row(i), weightSum, biasSum, columns);
            }
        }, ct);

        for (int task = 0; task < tasks; task++)
        {
            T* sum = partial + (2L * task * columns);
            if (weightGradient is not null) VectorOps.AddScaled(T.One, sum, weightGradient, columns);
            if (biasGradient is not null) VectorOps.AddScaled(T.One, sum + columns, biasGradient, columns);
        }
    }

    private static (T Mean, T Scale) Statistics<T>(Normalization kind, T* x, T epsilon, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T n = T.CreateTruncating(count);
        T mean = kind == Normalization.Layer ? Sum(x, T.Zero, squared: false, count) / n : T.Zero;
        return (mean, T.One / T.Sqrt((Sum(x, mean, squared: true, count) / n) + epsilon));
    }

    // sum (x - mean)^power.
    private static T Sum<T>(T* x, T mean, bool squared, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) return Sum<Simd512<T>, Vector512<T>, T>(x, mean, squared, count);
        if (Vector256.IsHardwareAccelerated) return Sum<Simd256<T>, Vector256<T>, T>(x, mean, squared, count);
        return Vector128.IsHardwareAccelerated ? Sum<Simd128<T>, Vector128<T>, T>(x, mean, squared, count) : Sum<SimdScalar<T>, T, T>(x, mean, squared, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static T Sum<TSimd, TVector, T>(T* x, T mean, bool squared, int count)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector m = TSimd.Fill(mean), even = TSimd.Zero, odd = TSimd.Zero;
        int lanes = TSimd.Lanes, i = 0;
        for (; i <= count - (2 * lanes); i += 2 * lanes)
        {
            TVector first = TSimd.Subtract(TSimd.Load(x + i), m), second = TSimd.Subtract(TSimd.Load(x + i + lanes), m);
            even = squared ? TSimd.MultiplyAdd(first, first, even) : TSimd.Add(even, first);
            odd = squared ? TSimd.MultiplyAdd(second, second, odd) : TSimd.Add(odd, second);
        }

        T sum = TSimd.Sum(TSimd.Add(even, odd));
        for (; i < count; i++)
        {
            T value = x[i] - mean;
            sum += squared ? value * value : value;
        }

        return sum;
    }

    private static void Apply<T>(T* x, T mean, T scale, T* weight, T* bias, T* y, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int done = 0;
        if (Vector512.IsHardwareAccelerated) done = Apply<Simd512<T>, Vector512<T>, T>(x, mean, scale, weight, bias, y, 0, count);
        else if (Vector256.IsHardwareAccelerated) done = Apply<Simd256<T>, Vector256<T>, T>(x, mean, scale, weight, bias, y, 0, count);
        else if (Vector128.IsHardwareAccelerated) done = Apply<Simd128<T>, Vector128<T>, T>(x, mean, scale, weight, bias, y, 0, count);
        Apply<SimdScalar<T>, T, T>(x, mean, scale, weight, bias, y, done, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Apply<TSimd, TVector, T>(T* x, T mean, T scale, T* weight, T* bias, T* y, int i, int count)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector m = TSimd.Fill(mean), s = TSimd.Fill(scale);
        for (; i <= count - TSimd.Lanes; i += TSimd.Lanes)
        {
            TVector h = TSimd.Multiply(TSimd.Subtract(TSimd.Load(x + i), m), s);
            if (weight is not null) h = bias is null ? TSimd.Multiply(h, TSimd.Load(weight + i)) : TSimd.MultiplyAdd(h, TSimd.Load(weight + i), TSimd.Load(bias + i));
            else if (bias is not null) h = TSimd.Add(h, TSimd.Load(bias + i));
            TSimd.Store(h, y + i);
        }

        return i;
    }

    private static void Gradients<T>(Normalization kind, T* x, T mean, T scale, T* weight, T* dy, T* dx, T* weightSum, T* biasSum, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T n = T.CreateTruncating(count), sum = T.Zero, product = T.Zero;
        bool centered = kind == Normalization.Layer;
        if (Vector512.IsHardwareAccelerated) Gradients<Simd512<T>, Vector512<T>, T>(x, mean, scale, weight, dy, weightSum, biasSum, count, ref sum, ref product);
        else if (Vector256.IsHardwareAccelerated) Gradients<Simd256<T>, Vector256<T>, T>(x, mean, scale, weight, dy, weightSum, biasSum, count, ref sum, ref product);
        else if (Vector128.IsHardwareAccelerated) Gradients<Simd128<T>, Vector128<T>, T>(x, mean, scale, weight, dy, weightSum, biasSum, count, ref sum, ref product);
        else Gradients<SimdScalar<T>, T, T>(x, mean, scale, weight, dy, weightSum, biasSum, count, ref sum, ref product);

        T shift = centered ? sum / n : T.Zero, slope = product / n;
        int done = 0;
        if (Vector512.IsHardwareAccelerated) done = Combine<Simd512<T>, Vector512<T>, T>(x, mean, scale, weight, dy, dx, shift, slope, 0, count);
        else if (Vector256.IsHardwareAccelerated) done = Combine<Simd256<T>, Vector256<T>, T>(x, mean, scale, weight, dy, dx, shift, slope, 0, count);
        else if (Vector128.IsHardwareAccelerated) done = Combine<Simd128<T>, Vector128<T>, T>(x, mean, scale, weight, dy, dx, shift, slope, 0, count);
        Combine<SimdScalar<T>, T, T>(x, mean, scale, weight, dy, dx, shift, slope, done, count);
    }

    // Grows the sums over rows, and over this row sum g and sum g h.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gradients<TSimd, TVector, T>(T* x, T mean, T scale, T* weight, T* dy, T* weightSum, T* biasSum, int count, ref T sum, ref T product)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector m = TSimd.Fill(mean), s = TSimd.Fill(scale), sums = TSimd.Zero, products = TSimd.Zero;
        int lanes = TSimd.Lanes, i = 0;
        for (; i <= count - lanes; i += lanes)
        {
            TVector h = TSimd.Multiply(TSimd.Subtract(TSimd.Load(x + i), m), s), d = TSimd.Load(dy + i);
            TSimd.Store(TSimd.MultiplyAdd(d, h, TSimd.Load(weightSum + i)), weightSum + i);
            TSimd.Store(TSimd.Add(d, TSimd.Load(biasSum + i)), biasSum + i);
            TVector g = weight is null ? d : TSimd.Multiply(d, TSimd.Load(weight + i));
            sums = TSimd.Add(sums, g);
            products = TSimd.MultiplyAdd(g, h, products);
        }

        sum = TSimd.Sum(sums);
        product = TSimd.Sum(products);
        for (; i < count; i++)
        {
            T h = (x[i] - mean) * scale, g = weight is null ? dy[i] : dy[i] * weight[i];
            weightSum[i] += dy[i] * h;
            biasSum[i] += dy[i];
            sum += g;
            product += g * h;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Combine<TSimd, TVector, T>(T* x, T mean, T scale, T* weight, T* dy, T* dx, T shift, T slope, int i, int count)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        TVector m = TSimd.Fill(mean), s = TSimd.Fill(scale), minusSlope = TSimd.Fill(-slope), a = TSimd.Fill(shift);
        for (; i <= count - TSimd.Lanes; i += TSimd.Lanes)
        {
            TVector h = TSimd.Multiply(TSimd.Subtract(TSimd.Load(x + i), m), s), d = TSimd.Load(dy + i);
            TVector g = weight is null ? d : TSimd.Multiply(d, TSimd.Load(weight + i));
            TSimd.Store(TSimd.Multiply(s, TSimd.MultiplyAdd(minusSlope, h, TSimd.Subtract(g, a))), dx + i);
        }

        return i;
    }
}
