using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Memory;

namespace LowRankTools.Numerics.Matrices;

/// <summary>Copies that turn rows into columns, in small squares that stay in registers and cache.</summary>
internal static unsafe class Transposing
{
    private const int Square = 8;

    /// <summary>target[j * distance + i] = source[i, j].</summary>
    /// <param name="source">Rows x columns, any strides; fastest with contiguous rows.</param>
    /// <param name="target">Columns rows of <paramref name="distance"/> elements.</param>
    /// <param name="distance">Elements between the rows of the target.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy<TSource, T>(MatrixView<TSource> source, T* target, nint distance)
        where TSource : unmanaged, IBinaryFloatingPointIeee754<TSource>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        bool vectorized = source.ColumnStride == 1 && (Sse2.IsSupported || AdvSimd.Arm64.IsSupported)
            && (typeof(TSource) == typeof(T) || (typeof(TSource) == typeof(float) && typeof(T) == typeof(double)));
        for (int i = 0; i < source.Rows; i += Square)
        {
            int rows = Math.Min(Square, source.Rows - i);
            for (int j = 0; j < source.Columns; j += Square)
            {
                int columns = Math.Min(Square, source.Columns - j);
                if (vectorized && rows == Square && columns == Square)
                {
                    FullSquare(source.Row(i) + j, source.RowStride, target + (j * distance) + i, distance);
                    continue;
                }

                for (int jj = j; jj < j + columns; jj++)
                {
                    for (int ii = i; ii < i + rows; ii++)
                        target[(jj * distance) + ii] = T.CreateTruncating(source.Row(ii)[jj * source.ColumnStride]);
                }
            }
        }
    }

    /// <summary>target = source + beta target, where the columns of the target are contiguous; beta = 0 overwrites.</summary>
    public static void Merge<T>(MatrixView<T> source, T beta, MatrixView<T> target)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (T.IsZero(beta))
        {
            Copy(source, target.Pointer, target.ColumnStride);
            return;
        }

        using Scratch scratch = Scratch.Rent<T>(source.Length);
        T* turned = scratch.As<T>();
        Copy(source, turned, source.Rows);
        for (int j = 0; j < target.Columns; j++)
        {
            T* column = target.Pointer + (j * target.ColumnStride);
            if (beta != T.One) VectorOps.Scale(beta, column, target.Rows);
            VectorOps.AddScaled(T.One, turned + ((nint)j * source.Rows), column, target.Rows);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FullSquare<TSource, T>(TSource* source, nint sourceDistance, T* target, nint targetDistance)
        where TSource : unmanaged
        where T : unmanaged
    {
        int step = Vector128<TSource>.Count;
        for (int i = 0; i < Square; i += step)
        {
            for (int j = 0; j < Square; j += step)
            {
                TSource* from = source + (i * sourceDistance) + j;
                T* to = target + (j * targetDistance) + i;
                if (typeof(TSource) == typeof(float)) Square4((float*)from, sourceDistance, to, targetDistance);
                else Square2((double*)from, sourceDistance, (double*)to, targetDistance);
            }
        }
    }

    // Rows a b c d in, columns out: first a0 b0 a1 b1, then halves of two such pairs side by side.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Square4<T>(float* source, nint sourceDistance, T* target, nint targetDistance)
        where T : unmanaged
    {
        Vector128<float> a = Vector128.Load(source);
        Vector128<float> b = Vector128.Load(source + sourceDistance);
        Vector128<float> c = Vector128.Load(source + (2 * sourceDistance));
        Vector128<float> d = Vector128.Load(source + (3 * sourceDistance));
        Vector128<double> abLow = InterleaveLow(a, b).AsDouble();
        Vector128<double> abHigh = InterleaveHigh(a, b).AsDouble();
        Vector128<double> cdLow = InterleaveLow(c, d).AsDouble();
        Vector128<double> cdHigh = InterleaveHigh(c, d).AsDouble();
        StoreFour(InterleaveLow(abLow, cdLow).AsSingle(), target);
        StoreFour(InterleaveHigh(abLow, cdLow).AsSingle(), target + targetDistance);
        StoreFour(InterleaveLow(abHigh, cdHigh).AsSingle(), target + (2 * targetDistance));
        StoreFour(InterleaveHigh(abHigh, cdHigh).AsSingle(), target + (3 * targetDistance));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFour<T>(Vector128<float> values, T* target)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float)) values.Store((float*)target);
        else Vector256.WidenLower(values.ToVector256Unsafe()).Store((double*)target);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Square2(double* source, nint sourceDistance, double* target, nint targetDistance)
    {
        Vector128<double> a = Vector128.Load(source);
        Vector128<double> b = Vector128.Load(source + sourceDistance);
        InterleaveLow(a, b).Store(target);
        InterleaveHigh(a, b).Store(target + targetDistance);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> InterleaveLow(Vector128<float> x, Vector128<float> y) =>
        Sse2.IsSupported ? Sse.UnpackLow(x, y) : AdvSimd.Arm64.ZipLow(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> InterleaveHigh(Vector128<float> x, Vector128<float> y) =>
        Sse2.IsSupported ? Sse.UnpackHigh(x, y) : AdvSimd.Arm64.ZipHigh(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> InterleaveLow(Vector128<double> x, Vector128<double> y) =>
        Sse2.IsSupported ? Sse2.UnpackLow(x, y) : AdvSimd.Arm64.ZipLow(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> InterleaveHigh(Vector128<double> x, Vector128<double> y) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(x, y) : AdvSimd.Arm64.ZipHigh(x, y);
}
