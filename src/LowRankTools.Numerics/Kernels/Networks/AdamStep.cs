using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>One step of Adam over all entries of a parameter, in one pass.</summary>
internal static unsafe class AdamStep
{
    private const int FlatColumns = 4096;

    /// <summary>
    /// m = b1 m + (1 - b1) g, s = b2 s + (1 - b2) g^2, w = (1 - rate decay) w - rate (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + epsilon).
    /// </summary>
    public static void Run<T>(AdamSettings settings, int step, MatrixView<T> w, MatrixView<T> g, MatrixView<T> m, MatrixView<T> s, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // Where nothing lies between the rows they are one: a bias is a column of single entries, and a LoRA matrix has rows of a few.
        bool flat = IsFlat(w) && IsFlat(g) && IsFlat(m) && IsFlat(s);
        long length = (long)w.Rows * w.Columns;
        int columns = flat ? FlatColumns : w.Columns, rows = flat ? checked((int)((length + FlatColumns - 1) / FlatColumns)) : w.Rows;
        RowTasks.Run(rows, columns, threads, (_, first, end) =>
        {
            for (int i = first; i < end; i++)
            {
                nint start = (nint)i * FlatColumns;
                if (flat) Entries(settings, step, w.Pointer + start, g.Pointer + start, m.Pointer + start, s.Pointer + start, (int)Math.Min(FlatColumns, length - start));
                else Entries(settings, step, w.Row(i), g.Row(i), m.Row(i), s.Row(i), w.Columns);
            }
        }, ct);
    }

    private static bool IsFlat<T>(MatrixView<T> view)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => view.RowStride == view.Columns && (view.ColumnStride == 1 || view.Columns == 1);

    private static void Entries<T>(AdamSettings settings, int step, T* w, T* g, T* m, T* s, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int done = 0;
        if (Vector512.IsHardwareAccelerated) done = Row<Simd512<T>, Vector512<T>, T>(settings, step, w, g, m, s, 0, count);
        else if (Vector256.IsHardwareAccelerated) done = Row<Simd256<T>, Vector256<T>, T>(settings, step, w, g, m, s, 0, count);
        else if (Vector128.IsHardwareAccelerated) done = Row<Simd128<T>, Vector128<T>, T>(settings, step, w, g, m, s, 0, count);
        if (done < count) Row<SimdScalar<T>, T, T>(settings, step, w, g, m, s, done, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Row<TSimd, TVector, T>(AdamSettings settings, int step, T* w, T* g, T* m, T* s, int i, int count)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        static TVector Of(double value) => TSimd.Fill(T.CreateTruncating(value));
        TVector b1 = Of(settings.Beta1), rest1 = Of(1 - settings.Beta1), b2 = Of(settings.Beta2), rest2 = Of(1 - settings.Beta2);
        TVector rate = Of(-settings.Rate / (1 - Math.Pow(settings.Beta1, step))), keep = Of(1 - (settings.Rate * settings.Decay));
        TVector unbias = Of(1 / (1 - Math.Pow(settings.Beta2, step))), epsilon = Of(settings.Epsilon);
        for (; i <= count - TSimd.Lanes; i += TSimd.Lanes)
        {
            TVector gradient = TSimd.Load(g + i);
            TVector mean = TSimd.MultiplyAdd(b1, TSimd.Load(m + i), TSimd.Multiply(rest1, gradient));
            TVector square = TSimd.MultiplyAdd(b2, TSimd.Load(s + i), TSimd.Multiply(TSimd.Multiply(rest2, gradient), gradient));
            TVector size = TSimd.Add(TSimd.SquareRoot(TSimd.Multiply(square, unbias)), epsilon);
            TSimd.Store(mean, m + i);
            TSimd.Store(square, s + i);
            TSimd.Store(TSimd.MultiplyAdd(rate, TSimd.Divide(mean, size), TSimd.Multiply(keep, TSimd.Load(w + i))), w + i);
        }

        return i;
    }
}
