using System.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Factorizations.Eigen;

/// <summary>
/// Eigenvalues and eigenvectors of a symmetric tridiagonal matrix: cut in two by a rank-1 change, solve the halves,
/// merge (Cuppen 1981; Gu and Eisenstat, "A divide-and-conquer algorithm for the symmetric tridiagonal eigenproblem",
/// 1995). Nearly all work is products of matrices. Values are found in float64, whatever the vectors are.
/// </summary>
/// <typeparam name="T">Of the vectors.</typeparam>
internal sealed unsafe class DivideAndConquer<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int LeafSize = 32;

    // Halves of sizes in between are solved side by side, one thread each; larger ones after each other with all
    // threads, smaller ones are over before a second thread wakes up.
    private const int SideBySideFrom = 192;
    private const int SideBySideTo = 512;

    private readonly double[] _d;
    private readonly double[] _e;
    private readonly Matrix<T> _z;
    private readonly Matrix<T> _work;
    private readonly int[] _order;
    private readonly CancellationToken _ct;

    private DivideAndConquer(double[] d, double[] e, CancellationToken ct)
    {
        (_d, _e, _ct) = (d, e, ct);
        _z = new Matrix<T>(d.Length, d.Length);
        _work = new Matrix<T>(d.Length, d.Length);
        _order = new int[d.Length];
    }

    /// <summary>Solves T.</summary>
    /// <param name="d">Diagonal of T; destroyed.</param>
    /// <param name="e">Off-diagonal, entry i couples i and i + 1; destroyed.</param>
    /// <param name="choose">Receives all values, descending, and says how many vectors are wanted, from the largest on.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>All values, descending, and the wanted eigenvectors as rows in that order.</returns>
    public static (double[] Values, Matrix<T> Vectors) Solve(double[] d, double[] e, Func<double[], int> choose, int threads, CancellationToken ct)
    {
        int n = d.Length;
        if (n == 0) return ([], new Matrix<T>(0, 0));

        double scale = Normalize(d, e);
        using var solver = new DivideAndConquer<T>(d, e, ct);
        Matrix<T>? vectors = null;
        if (n <= LeafSize)
        {
            solver.SolveLeaf(0, n);
        }
        else
        {
            vectors = solver.Merge(0, n, threads).RunTop(ascending =>
            {
                double[] descending = [.. ascending.Reverse().Select(value => value * scale)];
                return choose(descending);
            });
        }

        double[] values = new double[n];
        for (int i = 0; i < n; i++) values[i] = d[solver._order[n - 1 - i]] * scale;
        return (values, vectors ?? solver.LeafVectors(choose(values)));
    }

    /// <summary>Frees the working matrices.</summary>
    public void Dispose()
    {
        _z.Dispose();
        _work.Dispose();
    }

    /// <summary>Divides a tridiagonal matrix by its largest entry, so that squares neither overflow nor vanish.</summary>
    /// <returns>What values are to be multiplied with; 1 for a zero matrix.</returns>
    internal static double Normalize(double[] d, double[] e)
    {
        double scale = 0;
        for (int i = 0; i < d.Length; i++) scale = Math.Max(scale, Math.Max(Math.Abs(d[i]), i < d.Length - 1 ? Math.Abs(e[i]) : 0));
        if (scale == 0) return 1;
        for (int i = 0; i < d.Length; i++) (d[i], e[i]) = (d[i] / scale, e[i] / scale);
        return scale;
    }

    // Solves rows and columns low to high - 1; _order then walks their values upwards.
    private void Solve(int low, int high, int threads)
    {
        _ct.ThrowIfCancellationRequested();
        if (high - low <= LeafSize) SolveLeaf(low, high - low);
        else Merge(low, high, threads).Run();
    }

    // Solves both halves; what is left to do is the merge.
    private RankOneMerge<T> Merge(int low, int high, int threads)
    {
        int n = high - low, middle = low + (n / 2);
        double coupling = _e[middle - 1];
        _d[middle - 1] -= Math.Abs(coupling);
        _d[middle] -= Math.Abs(coupling);
        if (n <= SideBySideTo)
        {
            WorkerPool.Run(2, n < SideBySideFrom ? 1 : threads, half => Solve(half == 0 ? low : middle, half == 0 ? middle : high, 1), _ct);
        }
        else
        {
            Solve(low, middle, threads);
            Solve(middle, high, threads);
        }

        return new RankOneMerge<T>(_d, _z, _work, _order, low, middle, high, coupling, threads, _ct);
    }

    private Matrix<T> LeafVectors(int wanted)
    {
        int n = _d.Length;
        Matrix<T> vectors = Matrix<T>.Uninitialized(wanted, n);
        for (int i = 0; i < wanted; i++) _z.Row(_order[n - 1 - i]).CopyTo(vectors.Row(i));
        return vectors;
    }

    private void SolveLeaf(int low, int n)
    {
        double* vectors = stackalloc double[LeafSize * LeafSize];
        new Span<double>(vectors, n * n).Clear();
        for (int i = 0; i < n; i++) vectors[(i * n) + i] = 1;
        fixed (double* d = _d, e = _e) TridiagonalQl.Solve(d + low, e + low, n, vectors, n, n);
        MatrixCopy.Convert(new MatrixView<double>(vectors, n, n, n, 1), _z.View.Slice(low, low, n, n));
        SortUpwards(_d, _order, low, n);
    }

    /// <summary>Lists rows low to low + n - 1 by their values, upwards.</summary>
    internal static void SortUpwards(double[] d, int[] order, int low, int n)
    {
        double[] keys = d[low..(low + n)];
        for (int i = 0; i < n; i++) order[low + i] = low + i;
        keys.AsSpan().Sort(order.AsSpan(low, n));
    }
}
