using System.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Factorizations;

/// <summary>A = L L^T of a symmetric positive definite matrix, by halves so that nearly all work is products.</summary>
internal static unsafe class Cholesky
{
    private const int LeafSize = 32;

    /// <summary>Replaces the lower triangle of A (n x n, contiguous rows) by L; the upper triangle is left as it was.</summary>
    /// <returns>False when A is not positive definite to working precision.</returns>
    public static bool TryFactor<T>(MatrixView<T> a, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T floor = T.Zero;
        for (int i = 0; i < a.Rows; i++) floor = T.Max(floor, a.Row(i)[i]);
        if (!T.IsFinite(floor)) return false;
        T epsilon = T.BitIncrement(T.One) - T.One;
        return Factor(a, floor * T.CreateTruncating(a.Rows) * epsilon, threads, ct);
    }

    // A pivot at or below the floor, n eps max(a_ii), is rounding and not a number to divide by.
    private static bool Factor<T>(MatrixView<T> a, T floor, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ct.ThrowIfCancellationRequested();
        int n = a.Rows;
        if (n <= LeafSize) return FactorLeaf(a, floor);
        int half = Half(n);
        MatrixView<T> a11 = a.Slice(0, 0, half, half), a21 = a.Slice(half, 0, n - half, half), a22 = a.Slice(half, half, n - half, n - half);
        if (!Factor(a11, floor, threads, ct)) return false;
        Triangular.SolveTransposed(a11, a21, threads, ct);
        GemmDriver.SubtractOwnProduct(a21, a22, threads, ct);
        return Factor(a22, floor, threads, ct);
    }

    private static bool FactorLeaf<T>(MatrixView<T> a, T floor)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int j = 0; j < a.Rows; j++)
        {
            T* rowJ = a.Row(j);
            T pivot = rowJ[j] - VectorOps.Dot(rowJ, rowJ, j);
            if (!(pivot > floor)) return false;
            rowJ[j] = T.Sqrt(pivot);
            T inverse = T.One / rowJ[j];
            for (int i = j + 1; i < a.Rows; i++)
                a.Row(i)[j] = (a.Row(i)[j] - VectorOps.Dot(a.Row(i), rowJ, j)) * inverse;
        }

        return true;
    }

    /// <summary>Splits at a multiple of the leaf, so that the halves keep whole tiles.</summary>
    internal static int Half(int n) => Math.Max(LeafSize, n / 2 / LeafSize * LeafSize);
}
