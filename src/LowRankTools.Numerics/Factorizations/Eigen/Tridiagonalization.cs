using System.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Memory;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Factorizations.Eigen;

/// <summary>
/// A = Q T Q^T with T tridiagonal and Q = H_(n-1) ... H_1, from the last row upwards, so that every reflector lies in
/// a contiguous row of the lower triangle. Panels gather their rank-2 updates into one product (Dongarra, Hammarling,
/// Sorensen, "Block reduction of matrices to condensed forms", 1989). Half the work is A v, bound by memory.
/// </summary>
internal sealed unsafe class Tridiagonalization<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int PanelRows = 32;

    // On the way back there is no panel to factor, and fewer, larger blocks touch the vectors less often.
    private const int BackRows = 128;

    // Rows are cut into this many parts of equal area for A v, whatever the number of threads: partial sums are added
    // in a fixed order.
    private const int Parts = 8;
    private const int PartsFrom = 384;

    private readonly Matrix<T> _a;
    private readonly T[] _tau;

    /// <summary>Reduces A (n x n, symmetric, lower triangle read); its memory keeps the reflectors.</summary>
    public Tridiagonalization(Matrix<T> a, int threads, CancellationToken ct)
    {
        _a = a;
        int n = a.Rows;
        Diagonal = new double[n];
        OffDiagonal = new double[Math.Max(n, 1)];
        _tau = new T[Math.Max(n, 1)];
        using Scratch scratch = Scratch.Rent<T>((long)n * ((3 * PanelRows) + Parts));
        T* v = scratch.As<T>(), parts = v + ((nint)n * 3 * PanelRows);
        for (int size = n; size > 0; size -= PanelRows)
        {
            ct.ThrowIfCancellationRequested();
            int count = Math.Min(PanelRows, size);
            T* w = v + ((nint)count * n), again = w + ((nint)count * n);
            for (int j = 0; j < count; j++) ReduceRow(size - 1 - j, j, v, w, parts, threads);

            int left = size - count;
            if (left == 0) break;
            Buffer.MemoryCopy(v, again, (long)count * n * sizeof(T), (long)count * n * sizeof(T));
            var stacked = new MatrixView<T>(v, 2 * count, left, n, 1);
            var swapped = new MatrixView<T>(w, 2 * count, left, n, 1);
            GemmDriver.AddLower(-T.One, stacked.Transpose(), swapped, a.View.Slice(0, 0, left, left), threads, ct);
        }
    }

    /// <summary>Diagonal of T, n entries.</summary>
    public double[] Diagonal { get; }

    /// <summary>Entry i couples i and i + 1; the last one is 0.</summary>
    public double[] OffDiagonal { get; }

    /// <summary>Turns eigenvectors of T into those of A: every row z of Z becomes (Q z)^T.</summary>
    public void BackTransform(MatrixView<T> z, int threads, CancellationToken ct)
    {
        int n = _a.Rows;
        using Matrix<T> v = Matrix<T>.Uninitialized(BackRows, n);
        T* tau = stackalloc T[BackRows];

        // H_1 acts first: blocks from the top of the matrix downwards, inside a block the last row leads.
        for (int first = 1; first < n; first += BackRows)
        {
            ct.ThrowIfCancellationRequested();
            int count = Math.Min(BackRows, n - first), length = first + count - 1;
            for (int j = 0; j < count; j++)
            {
                int k = first + count - 1 - j;
                var row = new Span<T>(v.Pointer + ((nint)j * n), length);
                new ReadOnlySpan<T>(_a.Pointer + ((nint)k * n), k).CopyTo(row);
                row[k..].Clear();
                tau[j] = _tau[k];
            }

            using Matrix<T> t = new(count, count);
            MatrixView<T> block = v.View.Slice(0, 0, count, length);
            BlockReflector.MakeT(block, tau, t, threads);
            BlockReflector.Apply(block, t, z.Slice(0, 0, z.Rows, length), transposed: false, threads, ct);
        }
    }

    /// <summary>Frees the reflectors.</summary>
    public void Dispose() => _a.Dispose();

    // Row k, the j-th of its panel. Rows of V and W before it are those of k + j, ..., k + 1.
    private void ReduceRow(int k, int j, T* v, T* w, T* parts, int threads)
    {
        int n = _a.Rows;
        T* row = _a.Pointer + ((nint)k * n);
        for (int p = 0; p < j; p++)
        {
            T* vp = v + ((nint)p * n), wp = w + ((nint)p * n);
            VectorOps.AddScaled(-vp[k], wp, row, k + 1);
            VectorOps.AddScaled(-wp[k], vp, row, k + 1);
        }

        T* mine = v + ((nint)j * n), image = w + ((nint)j * n);
        new Span<T>(mine, n).Clear();
        new Span<T>(image, n).Clear();
        Diagonal[k] = double.CreateTruncating(row[k]);
        if (k == 0) return;
        (T beta, T tau) = Householder.Make(row + k - 1, row, k - 1);
        OffDiagonal[k - 1] = double.CreateTruncating(beta);
        _tau[k] = tau;
        if (T.IsZero(tau)) return;
        Buffer.MemoryCopy(row, mine, (long)k * sizeof(T), (long)k * sizeof(T));

        Multiply(k, mine, image, parts, threads);
        for (int p = 0; p < j; p++)
        {
            T* vp = v + ((nint)p * n), wp = w + ((nint)p * n);
            T alongV = VectorOps.Dot(vp, mine, k), alongW = VectorOps.Dot(wp, mine, k);
            VectorOps.AddScaled(-alongW, vp, image, k);
            VectorOps.AddScaled(-alongV, wp, image, k);
        }

        VectorOps.Scale(tau, image, k);
        VectorOps.AddScaled(T.CreateTruncating(-0.5) * tau * VectorOps.Dot(image, mine, k), mine, image, k);
    }

    // y = A x with the leading k x k block.
    private void Multiply(int k, T* x, T* y, T* parts, int threads)
    {
        T* a = _a.Pointer;
        int n = _a.Rows;
        if (k < PartsFrom)
        {
            SymmetricMultiply.AddRows(a, n, 0, k, x, y);
            return;
        }

        WorkerPool.Run(Parts, threads, part =>
        {
            // Big parts first.
            int index = Parts - 1 - part, first = Border(k, index), end = Border(k, index + 1);
            T* sum = parts + ((nint)index * n);
            new Span<T>(sum, end).Clear();
            SymmetricMultiply.AddRows(a, n, first, end, x, sum);
        });
        for (int index = 0; index < Parts; index++) VectorOps.AddScaled(T.One, parts + ((nint)index * n), y, Border(k, index + 1));
    }

    // Equal areas of a triangle, rounded to the four rows that the kernel takes at once.
    private static int Border(int k, int index) => index == Parts ? k : (int)(k * Math.Sqrt((double)index / Parts)) & ~3;
}
