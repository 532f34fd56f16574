namespace LowRankTools.Numerics;

/// <summary>
/// Merges two solved halves: the eigenproblem of diag(d) + rho z z^T in the basis of the halves' eigenvectors. Values
/// that the change does not move are set aside (deflation); the others come from the secular equation, their vectors
/// from weights recomputed so that the found roots are exact (Gu and Eisenstat), and then one product with the basis,
/// in which vectors of one half keep their zeros.
/// </summary>
internal sealed unsafe class RankOneMerge(
    double[] d, Matrix<double> z, Matrix<double> work, int[] order, int low, int middle, int high, double coupling, int threads, CancellationToken ct)
{
    private const double Epsilon = 1.1102230246251565e-16;
    private const int RowsPerTask = 16;
    private readonly int _size = d.Length;
    private readonly double _rho = 2 * Math.Abs(coupling);

    private enum Origin : byte
    {
        Left,
        Both,
        Right,
    }

    /// <summary>Does the merge.</summary>
    /// <param name="choose">
    /// At the very top: receives the values, ascending, and says how many vectors are wanted, from the largest on;
    /// the others are not made. Null for all.
    /// </param>
    public void Run(Func<double[], int>? choose)
    {
        int n = high - low;
        int[] ascending = MergeOrders();
        double[] weights = Weights(ascending);
        (List<int> kept, List<int> deflated, Origin[] origins) = Deflate(ascending, weights);
        int count = kept.Count;

        double[] poles = new double[count], z0 = new double[count], roots = new double[count];
        for (int j = 0; j < count; j++) (poles[j], z0[j]) = (d[kept[j]], weights[kept[j] - low]);

        // Column j of the coefficients goes where its basis vector goes: left ones first, mixed ones, right ones.
        (int[] byOrigin, int left, int right) = SortByOrigin(kept, origins);
        using Matrix<double> coefficients = Matrix<double>.Uninitialized(count, count);
        if (count > 0) SolveRoots(poles, z0, byOrigin, roots, coefficients);

        // Basis vectors move out of the way, in the order of the columns; then the new ones take their rows.
        Gather(kept, byOrigin, deflated);
        for (int j = 0; j < deflated.Count; j++) weights[j] = d[deflated[j]];
        for (int j = 0; j < n; j++) d[low + j] = j < count ? roots[j] : weights[j - count];
        DivideAndConquer.SortUpwards(d, order, low, n);

        int[] rowsUpwards = order[low..high];
        int wanted = choose?.Invoke([.. rowsUpwards.Select(row => d[row])]) ?? n, needed = 0;
        foreach (int row in rowsUpwards.AsSpan(n - wanted)) needed += row < low + count ? 1 : 0;
        int first = count - needed, leftSide = middle - low;
        MatrixView<double> basis = work.View.Slice(low, low, n, n), target = z.View.Slice(low, low, n, n);
        MatrixView<double> rows = coefficients.View.Slice(first, 0, needed, count);
        GemmDriver.Multiply(1.0, rows.Slice(0, 0, needed, count - right), basis.Slice(0, 0, count - right, leftSide), 0.0, target.Slice(first, 0, needed, leftSide), threads, ct);
        GemmDriver.Multiply(1.0, rows.Slice(0, left, needed, count - left), basis.Slice(left, leftSide, count - left, n - leftSide), 0.0, target.Slice(first, leftSide, needed, n - leftSide), threads, ct);
        MatrixCopy.Copy(basis.Slice(count, 0, n - count, n), target.Slice(count, 0, n - count, n));
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
            double entry = row < middle ? z.Pointer[((nint)row * _size) + middle - 1] : sign * z.Pointer[((nint)row * _size) + middle];
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
        VectorOps.Rotate(z.Pointer + ((nint)before * _size) + low, z.Pointer + ((nint)row * _size) + low, high - low, c, s);
        (d[before], d[row]) = ((d[before] * c * c) + (d[row] * s * s), (d[before] * s * s) + (d[row] * c * c));
        if (origins[before - low] != origins[row - low]) origins[row - low] = Origin.Both;
        return true;
    }

    private void SolveRoots(double[] poles, double[] z0, int[] byOrigin, double[] roots, Matrix<double> coefficients)
    {
        int count = poles.Length, tasks = (count + RowsPerTask - 1) / RowsPerTask;
        WorkerPool.Run(tasks, threads, task =>
        {
            for (int i = task * RowsPerTask; i < Math.Min(count, (task + 1) * RowsPerTask); i++)
                roots[i] = SecularEquation.Solve(poles, z0, _rho, i, coefficients.Row(i));
        }, ct);

        // Weights for which these roots are exact: z_j^2 = prod_i (x_i - d_j) / prod_(i not j) (d_i - d_j).
        double[] exact = new double[count];
        Array.Fill(exact, 1);
        for (int i = 0; i < count; i++)
        {
            Span<double> row = coefficients.Row(i);
            double pole = poles[i];
            for (int j = 0; j < i; j++) exact[j] *= row[j] / (poles[j] - pole);
            exact[i] *= row[i];
            for (int j = i + 1; j < count; j++) exact[j] *= row[j] / (poles[j] - pole);
        }

        for (int j = 0; j < count; j++) exact[j] = Math.CopySign(Math.Sqrt(Math.Abs(exact[j])), z0[j]);
        WorkerPool.Run(tasks, threads, task =>
        {
            double[] vector = new double[count];
            for (int i = task * RowsPerTask; i < Math.Min(count, (task + 1) * RowsPerTask); i++)
            {
                Span<double> row = coefficients.Row(i);
                double squared = 0;
                for (int j = 0; j < count; j++)
                {
                    vector[j] = exact[j] / row[j];
                    squared += vector[j] * vector[j];
                }

                double inverse = 1 / Math.Sqrt(squared);
                for (int j = 0; j < count; j++) row[j] = vector[byOrigin[j]] * inverse;
            }
        }, ct);
    }

    private void Gather(List<int> kept, int[] byOrigin, List<int> deflated)
    {
        int n = high - low;
        for (int j = 0; j < n; j++)
        {
            int row = j < kept.Count ? kept[byOrigin[j]] : deflated[j - kept.Count];
            z.Row(row).Slice(low, n).CopyTo(work.Row(low + j).Slice(low, n));
        }
    }
}
