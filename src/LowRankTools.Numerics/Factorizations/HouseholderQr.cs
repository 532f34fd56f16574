using System.Numerics;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Factorizations;

/// <summary>
/// Blocked Householder QR factorization of vectors that lie as rows: X^T = Q R with X (k x length), k at most length.
/// Orthonormal to machine precision whatever the rank of X, a zero matrix included.
/// </summary>
internal static unsafe class HouseholderQr
{
    /// <summary>Reflectors that are gathered before they are applied to the rest.</summary>
    private const int PanelRows = 32;

    /// <summary>Replaces the rows of X by the rows of Q^T.</summary>
    /// <param name="x">X, k x length with contiguous rows.</param>
    /// <param name="r">Receives R, k x k upper triangular; null when nobody asks.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public static void OrthonormalizeRows<T>(MatrixView<T> x, Matrix<T>? r, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int count = x.Rows, length = x.Columns;
        var blocks = new List<(Matrix<T> V, Matrix<T> T)>();
        try
        {
            for (int k = 0; k < count; k += PanelRows)
            {
                ct.ThrowIfCancellationRequested();
                int size = Math.Min(PanelRows, count - k);
                MatrixView<T> panel = x.Slice(k, k, size, length - k);
                (Matrix<T> v, Matrix<T> t) = FactorPanel(panel, threads);
                blocks.Add((v, t));
                BlockReflector.Apply(v.View, t, x.Slice(k + size, k, count - k - size, length - k), transposed: true, threads, ct);
            }

            if (r is not null)
            {
                for (int i = 0; i < count; i++)
                {
                    for (int j = 0; j < count; j++) r.Pointer[((nint)i * count) + j] = i <= j ? x.Row(j)[i] : T.Zero;
                }
            }

            FormQ(x, blocks, threads, ct);
        }
        finally
        {
            foreach ((Matrix<T> v, Matrix<T> t) in blocks)
            {
                v.Dispose();
                t.Dispose();
            }
        }
    }

    // Row i of the panel becomes (R column, beta at i); its reflector goes to row i of V.
    private static (Matrix<T> V, Matrix<T> T) FactorPanel<T>(MatrixView<T> panel, int threads)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int count = panel.Rows, length = panel.Columns;
        var v = new Matrix<T>(count, length);
        var t = new Matrix<T>(count, count);
        T* tau = stackalloc T[PanelRows];
        for (int i = 0; i < count; i++)
        {
            T* reflector = v.Pointer + ((nint)i * length) + i;
            int rest = length - i;
            Buffer.MemoryCopy(panel.Row(i) + i, reflector, (long)rest * sizeof(T), (long)rest * sizeof(T));
            (panel.Row(i)[i], tau[i]) = Householder.Make(reflector, rest);
            for (int j = i + 1; j < count; j++)
                VectorOps.AddScaled(-tau[i] * VectorOps.Dot(panel.Row(j) + i, reflector, rest), reflector, panel.Row(j) + i, rest);
        }

        BlockReflector.MakeT(v.View, tau, t, threads);
        return (v, t);
    }

    // Rows of X become Q e_1, Q e_2, ...: the last block acts first, and only on the rows from its own on.
    private static void FormQ<T>(MatrixView<T> x, List<(Matrix<T> V, Matrix<T> T)> blocks, int threads, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < x.Rows; i++)
        {
            new Span<T>(x.Row(i), x.Columns).Clear();
            x.Row(i)[i] = T.One;
        }

        for (int b = blocks.Count - 1; b >= 0; b--)
        {
            int k = b * PanelRows;
            BlockReflector.Apply(blocks[b].V.View, blocks[b].T, x.Slice(k, k, x.Rows - k, x.Columns - k), transposed: false, threads, ct);
        }
    }
}
