namespace LowRankTools.Numerics;

/// <summary>
/// Eigenvalues and eigenvectors of a symmetric tridiagonal matrix: cut in two by a rank-1 change, solve the halves,
/// merge (Cuppen 1981; Gu and Eisenstat, "A divide-and-conquer algorithm for the symmetric tridiagonal eigenproblem",
/// 1995). Nearly all work is products of matrices.
/// </summary>
internal sealed unsafe class DivideAndConquer : IDisposable
{
    private const int LeafSize = 32;

    // Halves of sizes in between are solved side by side, one thread each; larger ones after each other with all
    // threads, smaller ones are over before a second thread wakes up.
    private const int SideBySideFrom = 192;
    private const int SideBySideTo = 512;

    private readonly double[] _d;
    private readonly double[] _e;
    private readonly Matrix<double> _z;
    private readonly Matrix<double> _work;
    private readonly int[] _order;
    private readonly CancellationToken _ct;

    private DivideAndConquer(double[] d, double[] e, CancellationToken ct)
    {
        (_d, _e, _ct) = (d, e, ct);
        _z = new Matrix<double>(d.Length, d.Length);
        _work = Matrix<double>.Uninitialized(d.Length, d.Length);
        _order = new int[d.Length];
    }

    /// <summary>Solves T.</summary>
    /// <param name="d">Diagonal of T; destroyed.</param>
    /// <param name="e">Off-diagonal, entry i couples i and i + 1; destroyed.</param>
    /// <param name="choose">Receives all values, descending, and says how many vectors are wanted, from the largest on.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>All values, descending, and the wanted eigenvectors as rows in that order.</returns>
    public static (double[] Values, Matrix<double> Vectors) Solve(double[] d, double[] e, Func<double[], int> choose, int threads, CancellationToken ct)
    {
        int n = d.Length;
        if (n == 0) return ([], new Matrix<double>(0, 0));

        // Entries near 1 keep squares away from overflow and underflow.
        double scale = Math.Max(d.Max(Math.Abs), e.Take(n - 1).Select(Math.Abs).DefaultIfEmpty(0).Max());
        if (scale > 0)
        {
            for (int i = 0; i < n; i++) (d[i], e[i]) = (d[i] / scale, e[i] / scale);
        }

        using var solver = new DivideAndConquer(d, e, ct);
        int wanted = n;
        solver.Solve(0, n, threads, ascending =>
        {
            double[] descending = [.. ascending.Reverse().Select(value => value * Rescale(scale))];
            return wanted = choose(descending);
        });
        double[] values = new double[n];
        for (int i = 0; i < n; i++) values[i] = d[solver._order[n - 1 - i]] * Rescale(scale);
        if (n <= LeafSize) wanted = choose(values);
        Matrix<double> vectors = Matrix<double>.Uninitialized(wanted, n);
        for (int i = 0; i < wanted; i++) solver._z.Row(solver._order[n - 1 - i]).CopyTo(vectors.Row(i));
        return (values, vectors);
    }

    /// <summary>Frees the working matrices.</summary>
    public void Dispose()
    {
        _z.Dispose();
        _work.Dispose();
    }

    private static double Rescale(double scale) => scale > 0 ? scale : 1;

    // Solves rows and columns low to high - 1; _order then walks their values upwards.
    private void Solve(int low, int high, int threads, Func<double[], int>? choose)
    {
        _ct.ThrowIfCancellationRequested();
        int n = high - low;
        if (n <= LeafSize)
        {
            SolveLeaf(low, n);
            return;
        }

        int middle = low + (n / 2);
        double coupling = _e[middle - 1];
        _d[middle - 1] -= Math.Abs(coupling);
        _d[middle] -= Math.Abs(coupling);
        if (n <= SideBySideTo)
        {
            WorkerPool.Run(2, n < SideBySideFrom ? 1 : threads, half => Solve(half == 0 ? low : middle, half == 0 ? middle : high, 1, null), _ct);
        }
        else
        {
            Solve(low, middle, threads, null);
            Solve(middle, high, threads, null);
        }

        new RankOneMerge(_d, _z, _work, _order, low, middle, high, coupling, threads, _ct).Run(choose);
    }

    private void SolveLeaf(int low, int n)
    {
        int size = _d.Length;
        double* z = _z.Pointer + ((nint)low * size) + low;
        for (int i = 0; i < n; i++) z[((nint)i * size) + i] = 1;
        fixed (double* d = _d, e = _e) TridiagonalQl.Solve(d + low, e + low, n, z, size, n);
        for (int i = 0; i < n; i++) _order[low + i] = low + i;
        Array.Sort(_order, low, n, Comparer<int>.Create((i, j) => _d[i].CompareTo(_d[j])));
    }
}
