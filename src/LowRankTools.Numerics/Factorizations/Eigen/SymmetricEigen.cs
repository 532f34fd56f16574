using System.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Factorizations.Eigen;

/// <summary>
/// Eigen-decomposition of a symmetric matrix, A = V^T diag(values) V: tridiagonalisation, divide and conquer, and back,
/// to the rounding of A's own type. Working set for n x n: A itself, n^2 while merging, of which half is freed for the vectors.
/// </summary>
internal static unsafe class SymmetricEigen
{
    /// <summary>Decomposes A, which is destroyed.</summary>
    /// <param name="a">A, n x n, finite; only the lower triangle is read.</param>
    /// <param name="wanted">Eigenvectors asked for, those of the largest values.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>All values, descending, and the wanted eigenvectors as rows (wanted x n) in that order.</returns>
    public static (double[] Values, Matrix<T> Vectors) Compute<T>(Matrix<T> a, int wanted, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Compute(a, _ => wanted, threads, ct);

    /// <summary>The same where the number of vectors is decided once the values are known.</summary>
    /// <param name="a">A, n x n, finite; only the lower triangle is read.</param>
    /// <param name="choose">Receives all values, descending, and says how many vectors are wanted.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public static (double[] Values, Matrix<T> Vectors) Compute<T>(Matrix<T> a, Func<double[], int> choose, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var tridiagonal = new Tridiagonalization<T>(a, threads, ct);
        (double[] values, Matrix<T> vectors) = DivideAndConquer<T>.Solve(tridiagonal.Diagonal, tridiagonal.OffDiagonal, choose, threads, ct);
        tridiagonal.BackTransform(vectors.View, threads, ct);
        return (values, vectors);
    }

    /// <summary>All eigenvalues of A, descending; A is destroyed.</summary>
    public static double[] Values(Matrix<double> a, int threads, CancellationToken ct)
    {
        using var tridiagonal = new Tridiagonalization<double>(a, threads, ct);
        double[] values = tridiagonal.Diagonal, off = tridiagonal.OffDiagonal;
        double scale = DivideAndConquer<double>.Normalize(values, off);
        fixed (double* d = values, e = off) TridiagonalQl.Solve(d, e, values.Length, null, 0, 0);
        for (int i = 0; i < values.Length; i++) values[i] *= scale;
        Array.Sort(values);
        Array.Reverse(values);
        return values;
    }
}
