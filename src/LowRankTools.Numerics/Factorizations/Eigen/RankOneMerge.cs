using System.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Factorizations.Eigen;

/// <summary>
/// Merges two solved halves: the eigenproblem of diag(d) + rho z z^T in the basis of the halves' eigenvectors. Values
/// that the change does not move are set aside (deflation); the others come from the secular equation, their vectors
/// from weights recomputed so that the found roots are exact (Gu and Eisenstat), and then one product with the basis,
/// in which vectors of one half keep their zeros.
/// </summary>
internal sealed unsafe class RankOneMerge<T>(
    double[] d, Matrix<T> z, Matrix<T> work, int[] order, int low, int middle, int high, double coupling, int threads, CancellationToken ct)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const double Epsilon = 1.1102230246251565e-16;
    private const int RowsPerTask = 16;

    // Coefficients of this many new vectors exist at a time.
    private const int RowsPerProduct = 256;
    private readonly int _size = d.Length;
    private readonly double _rho = 2 * Math.Abs(coupling);

    private enum Origin : byte
    {
        Left,
        Both,
        Right,
    }

    // Roots of the secular equation, by the nearest pole and the distance from it, and the weights they are exact for.
    private double[] _poles = [];
    private int[] _origins = [];
    private double[] _offsets = [];
    private double[] _exact = [];

    /// <summary>Does the merge; the rows of z become the vectors of both halves together.</summary>
    public void Run()
    {
        (int count, int[] byOrigin, int left, int right) = Prepare();
        int n = high - low;
        MatrixView<T> target = z.View.Slice(low, low, n, n);
        for (int i = 0; i < count; i += RowsPerProduct)
        {
            int rows = Math.Min(RowsPerProduct, count - i);
            Multiply(i, rows, byOrigin, left, right, target.Slice(i, 0, rows, n));
        }

        MatrixCopy.Copy(Basis.Slice(count, 0, n - count, n), target.Slice(count, 0, n - count, n));
    }

    /// <summary>
    /// The same at the very top, where only some vectors are wanted and z is of no use once they can be made: it is
    /// freed.
    /// </summary>
    /// <param name="choose">Receives the values, ascending, and says how many vectors are wanted, from the largest on.</param>
    /// <returns>The wanted vectors as rows, of the largest value first.</returns>
    public Matrix<T> RunTop(Func<double[], int> choose)
    {
        (int count, int[] byOrigin, int left, int right) = Prepare();
        z.Dispose();
        int n = high - low, wanted = choose([.. order.Select(row => d[row])]);
        int[] place = new int[n];
        Array.Fill(place, -1);
        for (int v = 0; v < wanted; v++) place[order[n - 1 - v]] = v;
        Matrix<T> vectors = Matrix<T>.Uninitialized(wanted, n);
        using Matrix<T> some = Matrix<T>.Uninitialized(Math.Min(RowsPerProduct, count), n);
        int first = 0;
        while (first < count && place[first] < 0) first++;
        for (int i = first; i < count; i += RowsPerProduct)
        {
            int rows = Math.Min(RowsPerProduct, count - i);
            Multiply(i, rows, byOrigin, left, right, some.View.Slice(0, 0, rows, n));
            for (int r = 0; r < rows; r++) some.Row(r).CopyTo(vectors.Row(place[i + r]));
        }

        for (int j = count; j < n; j++)
        {
            if (place[j] >= 0) work.Row(j).CopyTo(vectors.Row(place[j]));
        }

        return vectors;
    }

    private MatrixView<T> Basis => work.View.Slice(low, low, high - low, high - low);

    // Everything but the vectors: d holds the values, order walks them upwards, and work holds the basis in the order
    // of the columns of the coefficients, deflated vectors last.
    private (int Count, int[] ByOrigin, int Left, int Right) Prepare()
    {
        int n = high - low;
        int[] ascending = MergeOrders();
        double[] weights = Weights(ascending);
        (List<int> kept, List<int> deflated, Origin[] origins) = Deflate(ascending, weights);
        int count = kept.Count;
        double[] z0 = new double[count];
        _poles = new double[count];
        for (int j = 0; j < count; j++) (_poles[j], z0[j]) = (d[kept[j]], weights[kept[j] - low]);

        // Column j of the coefficients goes where its basis vector goes: left ones first, mixed ones, right ones.
        (int[] byOrigin, int left, int right) = SortByOrigin(kept, origins);
        SolveRoots(z0);
        Gather(kept, byOrigin, deflated, origins);
        for (int j = 0; j < deflated.Count; j++) weights[j] = d[deflated[j]];
        for (int j = 0; j < n; j++) d[low + j] = j < count ? _poles[_origins[j]] + _offsets[j] : weights[j - count];
        DivideAndConquer<T>.SortUpwards(d, order, low, n);
        return (count, byOrigin, left, right);
    }

    // New vectors: coefficients times basis, where vectors of one half have zeros in the other.
    private void Multiply(int firstRoot, int count, int[] byOrigin, int left, int right, MatrixView<T> target)
    {
        int all = _poles.Length, n = high - low, leftSide = middle - low;
        using Matrix<T> rows = Matrix<T>.Uninitialized(count, all);
        WorkerPool.Run((count + RowsPerTask - 1) / RowsPerTask, threads, task =>
        {
            double[] vector = new double[all];
            for (int i = task * RowsPerTask; i < Math.Min(count, (task + 1) * RowsPerTask); i++)
            {
                double origin = _poles[_origins[firstRoot + i]], offset = _offsets[firstRoot + i], squared = 0;
                for (int j = 0; j < all; j++)
                {
                    vector[j] = _exact[j] / (_poles[j] - origin - offset);
                    squared += vector[j] * vector[j];
                }

                double inverse = 1 / Math.Sqrt(squared);
                Span<T> row = rows.Row(i);
                for (int j = 0; j < all; j++) row[j] = T.CreateTruncating(vector[byOrigin[j]] * inverse);
            }
        }, ct);
        MatrixView<T> basis = Basis, factors = rows.View;
        GemmDriver.Multiply(T.One, factors.Slice(0, 0, count, all - right), basis.Slice(0, 0, all - right, leftSide), T.Zero, target.Slice(0, 0, count, leftSide), threads, ct);
        GemmDriver.Multiply(T.One, factors.Slice(0, left, count, all - left), basis.Slice(left, leftSide, all - left, n - leftSide), T.Zero, target.Slice(0, leftSide, count, n - leftSide), threads, ct);
    }

    private (int[] ByOrigin, int Left, int Right) SortByOrigin(List<int> kept, Origin[] origins)
    {
        int[] byOrigin = new int[kept.Count], counts = new int[3];
        foreach (int row in kept) counts[(int)origins[row - low]]++;
        int[] next = [0, counts[0], counts[0] + counts[1]];
        for (int j = 0; j < byOrigin.Length; j++) byOrigin[next[(int)origins[kept[j] - low]]++] = j;
        return (byOrigin, counts[0], counts[2]);
    }

    private int[] MergeOrders()
    {
        int[] ascending = new int[high - low];
        int i = low, j = middle;
        for (int k = 0; k < ascending.Length; k++)
            ascending[k] = j >= high || (i < middle && d[order[i]] <= d[order[j]]) ? order[i++] : order[j++];
        return ascending;
    }

    // z: the last entries of the left vectors and the first of the right ones, scaled to norm 1.
    private double[] Weights(int[] ascending)
    {
        double[] weights = new double[ascending.Length];
        double sign = coupling < 0 ? -1 : 1;
        foreach (int row in ascending)
        {
            double entry = row < middle ? double.CreateTruncating(z.Pointer[((nint)row * _size) + middle - 1]) : sign * double.CreateTruncating(z.Pointer[((nint)row * _size) + middle]);
            weights[row - low] = entry / Math.Sqrt(2);
        }

        return weights;
    }

    // A value stays when its weight is nothing, or when it equals its neighbour so nearly that a rotation of the two
    // vectors makes one weight nothing.
    private (List<int> Kept, List<int> Deflated, Origin[] Origins) Deflate(int[] ascending, double[] weights)
    {
        double largest = Math.Max(Math.Abs(d[ascending[0]]), Math.Abs(d[ascending[^1]]));
        double tolerance = 8 * Epsilon * Math.Max(largest, weights.Max(Math.Abs));
        var kept = new List<int>(ascending.Length);
        var deflated = new List<int>();
        var origins = new Origin[ascending.Length];
        foreach (int row in ascending) origins[row - low] = row < middle ? Origin.Left : Origin.Right;
        foreach (int row in ascending)
        {
            if (_rho * Math.Abs(weights[row - low]) <= tolerance)
            {
                deflated.Add(row);
                continue;
            }

            if (kept.Count > 0 && TryRotate(kept[^1], row, weights, origins, tolerance))
            {
                deflated.Add(kept[^1]);
                kept.RemoveAt(kept.Count - 1);
            }

            kept.Add(row);
        }

        return (kept, deflated, origins);
    }

    private bool TryRotate(int before, int row, double[] weights, Origin[] origins, double tolerance)
    {
        double s = weights[before - low], c = weights[row - low], length = Math.Sqrt((c * c) + (s * s)), gap = d[row] - d[before];
        c /= length;
        s /= length;
        if (Math.Abs(gap * c * s) > tolerance) return false;
        weights[row - low] = length;
        weights[before - low] = 0;
        VectorOps.Rotate(z.Pointer + ((nint)before * _size) + low, z.Pointer + ((nint)row * _size) + low, high - low, T.CreateTruncating(c), T.CreateTruncating(s));
        (d[before], d[row]) = ((d[before] * c * c) + (d[row] * s * s), (d[before] * s * s) + (d[row] * c * c));
        if (origins[before - low] != origins[row - low]) origins[row - low] = Origin.Both;
        return true;
    }

    private void SolveRoots(double[] z0)
    {
        int count = _poles.Length, tasks = (count + RowsPerTask - 1) / RowsPerTask;
        _origins = new int[count];
        _offsets = new double[count];
        _exact = new double[count];
        WorkerPool.Run(tasks, threads, task =>
        {
            for (int i = task * RowsPerTask; i < Math.Min(count, (task + 1) * RowsPerTask); i++)
                (_origins[i], _offsets[i]) = SecularEquation.Solve(_poles, z0, _rho, i);
        }, ct);

        // Weights for which these roots are exact: z_j^2 = prod_i (x_i - d_j) / prod_(i not j) (d_i - d_j).
        WorkerPool.Run(tasks, threads, task =>
        {
            for (int j = task * RowsPerTask; j < Math.Min(count, (task + 1) * RowsPerTask); j++)
            {
                double pole = _poles[j], product = 1;
                for (int i = 0; i < count; i++)
                {
                    double distance = pole - _poles[_origins[i]] - _offsets[i];
                    product *= i == j ? distance : distance / (pole - _poles[i]);
                }

                _exact[j] = Math.CopySign(Math.Sqrt(Math.Abs(product)), z0[j]);
            }
        }, ct);
    }

    // Basis vectors move out of the way, in the order of the columns. Of a kept vector of one half only that half is
    // ever read, and copied: the rest of work is never touched, and takes no memory.
    private void Gather(List<int> kept, int[] byOrigin, List<int> deflated, Origin[] origins)
    {
        int n = high - low, leftSide = middle - low;
        for (int j = 0; j < n; j++)
        {
            int row = j < kept.Count ? kept[byOrigin[j]] : deflated[j - kept.Count];
            Origin origin = j < kept.Count ? origins[row - low] : Origin.Both;
            int from = origin == Origin.Right ? leftSide : 0, length = (origin == Origin.Left ? leftSide : n) - from;
            z.Row(row).Slice(low + from, length).CopyTo(work.Row(low + j).Slice(low + from, length));
        }
    }
}
