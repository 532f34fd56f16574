using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Memory;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>
/// Products with a few columns, down to matrix times vector, where packing would cost more than the product: bound by
/// reading A once. Entries are summed in a fixed order, whatever the number of threads.
/// </summary>
internal static unsafe class NarrowProduct
{
    /// <summary>Columns up to which this beats packing.</summary>
    public const int MostColumns = 8;

    private const int RowsPerTask = 64;
    private const int EntriesPerTask = 4096;

    // Columns of A at a time: four rows of them stay in the first-level cache while the columns of B pass by.
    private const int Stretch = 1024;

    /// <summary>C = alpha A B + beta C when this is the way to do it; false when it is not.</summary>
    public static bool TryMultiply<T>(T alpha, MatrixView<T> a, MatrixView<T> b, T beta, MatrixView<T> c, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (c.Columns > MostColumns) return false;
        bool alongRows = a.ColumnStride == 1;
        if (!alongRows && (a.RowStride != 1 || c.Columns > 1)) return false;

        // B as contiguous columns, alpha already in it.
        using Scratch scratch = Scratch.Rent<T>((long)b.Rows * b.Columns);
        var columns = new MatrixView<T>(scratch.As<T>(), b.Columns, b.Rows, b.Rows, 1);
        MatrixCopy.Copy(b.Transpose(), columns);
        VectorOps.Scale(alpha, columns.Pointer, checked(b.Rows * b.Columns));
        int step = alongRows ? RowsPerTask : EntriesPerTask, tasks = (c.Rows + step - 1) / step;
        WorkerPool.Run(tasks, threads, task =>
        {
            int first = task * step, count = Math.Min(step, c.Rows - first);
            MatrixView<T> mine = a.Slice(first, 0, count, a.Columns), target = c.Slice(first, 0, count, c.Columns);
            if (alongRows) Dots(mine, columns, beta, target);
            else Combination(mine, columns.Pointer, beta, target);
        }, ct);
        return true;
    }

    // Every entry is a dot product of a row of A and a column of B, four rows at a time.
    private static void Dots<T>(MatrixView<T> a, MatrixView<T> columns, T beta, MatrixView<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T* sums = stackalloc T[4 * MostColumns];
        for (int i = 0; i < a.Rows; i += 4)
        {
            int rows = Math.Min(4, a.Rows - i);
            new Span<T>(sums, 4 * MostColumns).Clear();
            for (int p = 0; p < a.Columns; p += Stretch)
            {
                int length = Math.Min(Stretch, a.Columns - p);
                for (int j = 0; j < c.Columns; j++)
                {
                    if (rows == 4) FourDots(a.Row(i) + p, a.RowStride, columns.Row(j) + p, length, sums + (4 * j));
                    else for (int r = 0; r < rows; r++) sums[(4 * j) + r] += VectorOps.Dot(a.Row(i + r) + p, columns.Row(j) + p, length);
                }
            }

            for (int r = 0; r < rows; r++)
            {
                for (int j = 0; j < c.Columns; j++) Store(c.Row(i + r) + (j * c.ColumnStride), sums[(4 * j) + r], beta);
            }
        }
    }

    // A lies by columns: y is their sum with weights x, summed in a piece of memory that stays in cache.
    private static void Combination<T>(MatrixView<T> a, T* x, T beta, MatrixView<T> c)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T* sum = stackalloc T[EntriesPerTask];
        new Span<T>(sum, a.Rows).Clear();
        int p = 0;
        for (; p + 4 <= a.Columns; p += 4) FourAdded(a.Pointer + (p * a.ColumnStride), a.ColumnStride, x + p, sum, a.Rows);
        for (; p < a.Columns; p++) VectorOps.AddScaled(x[p], a.Pointer + (p * a.ColumnStride), sum, a.Rows);
        for (int i = 0; i < a.Rows; i++) Store(c.Row(i), sum[i], beta);
    }

    private static void Store<T>(T* target, T value, T beta)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => *target = T.IsZero(beta) ? value : value + (beta * *target);

    private static void FourDots<T>(T* a, nint distance, T* x, int count, T* sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) FourDots<Simd512<T>, Vector512<T>, T>(a, distance, x, count, sums);
        else if (Vector256.IsHardwareAccelerated) FourDots<Simd256<T>, Vector256<T>, T>(a, distance, x, count, sums);
        else FourDots<Simd128<T>, Vector128<T>, T>(a, distance, x, count, sums);
    }

    private static void FourAdded<T>(T* a, nint distance, T* x, T* y, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Vector512.IsHardwareAccelerated) FourAdded<Simd512<T>, Vector512<T>, T>(a, distance, x, y, count);
        else if (Vector256.IsHardwareAccelerated) FourAdded<Simd256<T>, Vector256<T>, T>(a, distance, x, y, count);
        else FourAdded<Simd128<T>, Vector128<T>, T>(a, distance, x, y, count);
    }

    // Two sums a row, eight in all: as many as two multiply-adders of four cycles keep busy.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourDots<TSimd, TVector, T>(T* a, nint distance, T* x, int count, T* sums)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T* b = a + distance, c = b + distance, d = c + distance;
        TVector sa = TSimd.Zero, sb = sa, sc = sa, sd = sa, ta = sa, tb = sa, tc = sa, td = sa;
        int lanes = TSimd.Lanes, j = 0;
        for (; j <= count - (2 * lanes); j += 2 * lanes)
        {
            TVector even = TSimd.Load(x + j), odd = TSimd.Load(x + j + lanes);
            sa = TSimd.MultiplyAdd(TSimd.Load(a + j), even, sa);
            sb = TSimd.MultiplyAdd(TSimd.Load(b + j), even, sb);
            sc = TSimd.MultiplyAdd(TSimd.Load(c + j), even, sc);
            sd = TSimd.MultiplyAdd(TSimd.Load(d + j), even, sd);
            ta = TSimd.MultiplyAdd(TSimd.Load(a + j + lanes), odd, ta);
            tb = TSimd.MultiplyAdd(TSimd.Load(b + j + lanes), odd, tb);
            tc = TSimd.MultiplyAdd(TSimd.Load(c + j + lanes), odd, tc);
            td = TSimd.MultiplyAdd(TSimd.Load(d + j + lanes), odd, td);
        }

        sums[0] += TSimd.Sum(TSimd.Add(sa, ta));
        sums[1] += TSimd.Sum(TSimd.Add(sb, tb));
        sums[2] += TSimd.Sum(TSimd.Add(sc, tc));
        sums[3] += TSimd.Sum(TSimd.Add(sd, td));
        for (; j < count; j++)
        {
            sums[0] += a[j] * x[j];
            sums[1] += b[j] * x[j];
            sums[2] += c[j] * x[j];
            sums[3] += d[j] * x[j];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourAdded<TSimd, TVector, T>(T* a, nint distance, T* x, T* y, int count)
        where TSimd : ISimd<TVector, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T* b = a + distance, c = b + distance, d = c + distance;
        TVector xa = TSimd.Fill(x[0]), xb = TSimd.Fill(x[1]), xc = TSimd.Fill(x[2]), xd = TSimd.Fill(x[3]);
        int lanes = TSimd.Lanes, j = 0;
        for (; j <= count - lanes; j += lanes)
        {
            TVector sum = TSimd.MultiplyAdd(TSimd.Load(a + j), xa, TSimd.Load(y + j));
            sum = TSimd.MultiplyAdd(TSimd.Load(b + j), xb, sum);
            sum = TSimd.MultiplyAdd(TSimd.Load(c + j), xc, sum);
            TSimd.Store(TSimd.MultiplyAdd(TSimd.Load(d + j), xd, sum), y + j);
        }

        for (; j < count; j++) y[j] += (a[j] * x[0]) + (b[j] * x[1]) + (c[j] * x[2]) + (d[j] * x[3]);
    }
}
