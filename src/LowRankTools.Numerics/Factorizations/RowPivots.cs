using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Factorizations;

/// <summary>
/// Rows of a matrix of orthonormal columns that stand for all others: an interpolative decomposition Q = C Q[pivots] in which C has an identity at the pivots. The pivots are
/// those of a QR decomposition of Q^T with column pivoting (Businger and Golub, 1965), each the row with the largest part outside the span of those before it. C's other entries
/// can grow as 2^r in theory and are a few units in practice (Cheng, Gimbutas, Martinsson, Rokhlin, 2005).
/// </summary>
public sealed unsafe class RowPivots : IDisposable
{
    private readonly bool[] _isPivot;

    private RowPivots(bool[] isPivot, Matrix<double> others) => (_isPivot, Others) = (isPivot, others);

    /// <summary>Whether each of the m rows is a pivot; as many are as there are columns.</summary>
    public IReadOnlyList<bool> IsPivot => _isPivot;

    /// <summary>C without its identity, (m - r) x r: a row for each that is no pivot, in order, a column for each pivot, in order.</summary>
    public Matrix<double> Others { get; }

    /// <summary>Finds the pivots. m r^2 multiply-adds for the pivots, (m - r) r^2 / 2 for C.</summary>
    /// <param name="q">Q, m x r, m above r, its columns orthonormal.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Looked at before every pivot.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: no more rows than columns, or no columns.</exception>
    public static RowPivots Find(MatrixView<double> q, ComputeOptions? options = null, CancellationToken ct = default)
    {
        int m = q.Rows, r = q.Columns, threads = WorkerPool.Resolve(options?.ThreadCount ?? 0);
        if (r < 1 || m <= r)
            throw new LowRankToolsException("ShapesDoNotMatch", $"Of {m} x {r} no rows stand for others.", "Pivots are fewer than the rows.");
        using Matrix<double> left = q.ToMatrix(), parts = new(m, r);
        double[] squares = new double[m];
        for (int i = 0; i < m; i++)
            squares[i] = Square(left, i);
        int[] pivots = new int[r];
        bool[] isPivot = new bool[m];
        using Matrix<double> direction = new(1, r);
        for (int k = 0; k < r; k++)
        {
            ct.ThrowIfCancellationRequested();
            int pivot = Largest(squares, isPivot);
            (isPivot[pivot], pivots[k]) = (true, pivot);
            // What was left is computed anew, for running differences lose digits.
            double norm = Math.Sqrt(Square(left, pivot));
            parts[pivot, k] = norm;
            if (norm == 0)
                continue;
            direction.Row(0).Clear();
            VectorOps.AddScaled(1 / norm, RowOf(left, pivot), direction.Pointer, r);
            RowTasks.Run(m, r, threads, (_, first, end) =>
            {
                for (int i = first; i < end; i++)
                {
                    if (isPivot[i])
                        continue;
                    double part = VectorOps.Dot(RowOf(left, i), direction.Pointer, r);
                    VectorOps.AddScaled(-part, direction.Pointer, RowOf(left, i), r);
                    RowOf(parts, i)[k] = part;
                    squares[i] -= part * part;
                }
            }, ct);
        }
        return new RowPivots(isPivot, Coefficients(parts, pivots, isPivot, threads, ct));
    }

    /// <inheritdoc/>
    public void Dispose() => Others.Dispose();

    /// <summary>C of the rows that are no pivots, by C T = their parts: T, lower triangular, has the parts of the pivots in the order in which they were found.</summary>
    private static Matrix<double> Coefficients(Matrix<double> parts, int[] pivots, bool[] isPivot, int threads, CancellationToken ct)
    {
        int r = pivots.Length;
        int[] sorted = [.. pivots.Order()], places = [.. pivots.Select(p => Array.BinarySearch(sorted, p))];
        int[] others = [.. Enumerable.Range(0, isPivot.Length).Where(i => !isPivot[i])];
        Matrix<double> coefficients = new(others.Length, r);
        RowTasks.Run(others.Length, r, threads, (_, first, end) =>
        {
            for (int i = first; i < end; i++)
            {
                double* rest = RowOf(parts, others[i]), own = RowOf(coefficients, i);
                for (int k = r - 1; k >= 0; k--)
                {
                    double* pivot = RowOf(parts, pivots[k]);
                    double factor = pivot[k] == 0 ? 0 : rest[k] / pivot[k];
                    VectorOps.AddScaled(-factor, pivot, rest, k);
                    own[places[k]] = factor;
                }
            }
        }, ct);
        return coefficients;
    }

    private static int Largest(double[] squares, bool[] isPivot)
    {
        int largest = -1;
        for (int i = 0; i < squares.Length; i++)
        {
            if (!isPivot[i] && (largest < 0 || squares[i] > squares[largest]))
                largest = i;
        }
        return largest;
    }

    private static double Square(Matrix<double> matrix, int row) => VectorOps.Dot(RowOf(matrix, row), RowOf(matrix, row), matrix.Columns);

    private static double* RowOf(Matrix<double> matrix, int row) => matrix.Pointer + ((nint)row * matrix.Columns);
}
