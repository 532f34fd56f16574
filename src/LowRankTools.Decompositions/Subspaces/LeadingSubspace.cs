using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Subspaces;

/// <summary>
/// The leading left singular vectors of A (m x n) as an orthonormal basis U, and the coordinates C = U^T A, so that U C is the best
/// approximation of its rank (Eckart and Young, 1936). By the eigenvectors of A A^T where A is flat; where it is tall, by those of R R^T of
/// A = Q R. In float64: values below about 1e-8 of the largest are noise in the Gram matrix, so an error below <see cref="FineShare"/> is
/// not read off eigenvalues but measured on V^T A, after the small part of it was diagonalised once more on its own scale.
/// </summary>
internal sealed class LeadingSubspace : IDisposable
{
    /// <summary>Share of ||A||^2 below which an error needs more than eigenvalues of the Gram matrix.</summary>
    private const double FineShare = 1e-9;

    private const double Epsilon = 2.220446049250313e-16;

    // Rows of V^T A below this share of the block that they are in are diagonalised again.
    private const double SmallRow = 1e-3;

    // A block below this share of ||A||^2 is rounding.
    private const double Vanished = 1e-28;

    private LeadingSubspace(Matrix<double> basis, Matrix<double> coordinates, double squaredError)
    {
        Basis = basis;
        Coordinates = coordinates;
        SquaredError = squaredError;
    }

    /// <summary>U^T, r x m: basis vectors as rows.</summary>
    public Matrix<double> Basis { get; }

    /// <summary>C, r x n.</summary>
    public Matrix<double> Coordinates { get; }

    /// <summary>||A - U C||^2.</summary>
    public double SquaredError { get; }

    /// <summary>Finds the basis.</summary>
    /// <param name="a">A, m x n, finite, neither side empty.</param>
    /// <param name="allowed">Largest squared error, which fewest vectors are to reach; null where only their number counts.</param>
    /// <param name="most">Most vectors, at least 1; this holds before the error does.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public static LeadingSubspace Of(MatrixView<double> a, double? allowed, int most, ComputeOptions options, CancellationToken ct)
    {
        LeadingSubspace found = Find(a, allowed, most, options, ct);
        SignRule.Apply(found.Basis, found.Coordinates);
        return found;
    }

    /// <summary>Errors of the best approximations: entry r - 1 is ||A - A'|| / ||A|| of rank r, 0 throughout where A is zero.</summary>
    /// <param name="a">A, m x n, finite, neither side empty.</param>
    /// <param name="most">The largest rank.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public static double[] Errors(MatrixView<double> a, int most, ComputeOptions options, CancellationToken ct)
    {
        using LeadingSubspace all = Of(a, allowed: 0, Math.Min(a.Rows, a.Columns), options, ct);
        double[] squares = Squares(all.Coordinates), errors = new double[most];
        double norm = squares.Sum(), tail = 0;
        for (int rank = Math.Max(most, squares.Length); rank >= 1; rank--)
        {
            if (rank <= most)
                errors[rank - 1] = norm == 0 ? 0 : Math.Sqrt(tail / norm);
            tail += rank <= squares.Length ? squares[rank - 1] : 0;
        }
        return errors;
    }

    public void Dispose()
    {
        Basis.Dispose();
        Coordinates.Dispose();
    }

    private static LeadingSubspace Find(MatrixView<double> a, double? allowed, int most, ComputeOptions options, CancellationToken ct)
    {
        EmbeddedEngine engine = new(options);
        if (a.Rows <= a.Columns)
            return Flat(engine, a, allowed, most, options, ct);
        (Matrix<double> qt, Matrix<double> r) = SmallFactorizations.Qr(engine, a, ct);
        using (qt)
        using (r)
        using (LeadingSubspace inner = Flat(engine, r.View, allowed, most, options, ct))
        {
            Matrix<double> basis = Matrix<double>.Uninitialized(inner.Basis.Rows, a.Rows);
            Gemm.Multiply(1, inner.Basis.View, qt.View, 0, basis.View, options, ct);
            return new LeadingSubspace(basis, inner.Coordinates.Copy(), inner.SquaredError);
        }
    }

    private static LeadingSubspace Flat(ITensorEngine engine, MatrixView<double> a, double? allowed, int most, ComputeOptions options, CancellationToken ct)
    {
        // All vectors that there are: A itself in the basis of coordinates.
        if (allowed is null && most >= a.Rows)
            return new LeadingSubspace(Identity(a.Rows), a.ToMatrix(), 0);
        using Matrix<double> gram = Matrix<double>.Uninitialized(a.Rows, a.Rows);
        Gemm.MultiplyByOwnTranspose(1, a, 0, gram.View, options, ct);
        double norm = 0;
        for (int i = 0; i < gram.Rows; i++)
            norm += gram[i, i];
        return allowed is { } limit && limit < FineShare * norm
            ? Fine(engine, a, gram, norm, limit, most, options, ct)
            : Coarse(engine, a, gram, norm, allowed, most, options, ct);
    }

    private static LeadingSubspace Coarse(ITensorEngine engine, MatrixView<double> a, Matrix<double> gram, double norm, double? allowed, int most, ComputeOptions options, CancellationToken ct)
    {
        // What eigenvalues may be wrong by is kept out of the error that may be made.
        double? limit = allowed - (8 * Epsilon * a.Rows * norm);
        (_, Matrix<double> basis) = SmallFactorizations.Eigen(engine, gram.View, values => Math.Min(Count(values, limit), most), ct);
        Matrix<double> coordinates = Matrix<double>.Uninitialized(basis.Rows, a.Columns);
        Gemm.Multiply(1, basis.View, a, 0, coordinates.View, options, ct);
        double kept = Sums.OfSquares(coordinates.RowBlock(0, coordinates.Rows));
        return new LeadingSubspace(basis, coordinates, basis.Rows == a.Rows ? 0 : Math.Max(0, norm - kept));
    }

    private static LeadingSubspace Fine(ITensorEngine engine, MatrixView<double> a, Matrix<double> gram, double norm, double allowed, int most, ComputeOptions options, CancellationToken ct)
    {
        (_, Matrix<double> all) = SmallFactorizations.Eigen(engine, gram.View, values => values.Length, ct);
        using Matrix<double> basis = all, rows = Matrix<double>.Uninitialized(a.Rows, a.Columns);
        Gemm.Multiply(1, basis.View, a, 0, rows.View, options, ct);
        RotateSmall(engine, basis, rows, norm, options, ct);
        double[] squares = Squares(rows);
        int count = Math.Min(Count(squares, allowed), most);
        double left = 0;
        for (int i = rows.Rows - 1; i >= count; i--)
            left += squares[i];
        return new LeadingSubspace(Leading(basis, count), Leading(rows, count), left);
    }

    // On their own scale the small rows have exact directions again; and so on downwards, since what a larger row left in them is
    // rounding of its square.
    private static void RotateSmall(ITensorEngine engine, Matrix<double> basis, Matrix<double> rows, double norm, ComputeOptions options, CancellationToken ct)
    {
        for (double scale = norm; scale > Vanished * norm;)
        {
            int first = Array.FindIndex(Squares(rows), s => s < SmallRow * SmallRow * scale);
            if (first < 0 || rows.Rows - first < 2)
                return;
            Rotate(engine, basis, rows, first, options, ct);
            scale = Squares(rows).Skip(first).Sum();
        }
    }

    private static void Rotate(ITensorEngine engine, Matrix<double> basis, Matrix<double> rows, int first, ComputeOptions options, CancellationToken ct)
    {
        int count = rows.Rows - first;
        MatrixView<double> small = rows.View.Slice(first, 0, count, rows.Columns);
        using Matrix<double> gram = Matrix<double>.Uninitialized(count, count);
        Gemm.MultiplyByOwnTranspose(1, small, 0, gram.View, options, ct);
        (_, Matrix<double> turn) = SmallFactorizations.Eigen(engine, gram.View, values => values.Length, ct);
        using (turn)
        {
            foreach (Matrix<double> turned in new[] { rows, basis })
            {
                MatrixView<double> part = turned.View.Slice(first, 0, count, turned.Columns);
                using Matrix<double> old = part.ToMatrix();
                Gemm.Multiply(1, turn.View, old.View, 0, part, options, ct);
            }
        }
    }

    // Fewest leading values whose rest sums up to no more than the limit, at least one.
    private static int Count(double[] squares, double? limit)
    {
        if (limit is null)
            return squares.Length;
        double rest = 0;
        int count = squares.Length;
        while (count > 1 && rest + Math.Max(0, squares[count - 1]) <= limit)
            rest += Math.Max(0, squares[--count]);
        return count;
    }

    private static double[] Squares(Matrix<double> rows) => [.. Enumerable.Range(0, rows.Rows).Select(i => Sums.OfSquares(rows.Row(i)))];

    private static Matrix<double> Leading(Matrix<double> rows, int count) => rows.View.Slice(0, 0, count, rows.Columns).ToMatrix();

    private static Matrix<double> Identity(int size)
    {
        Matrix<double> identity = new(size, size);
        for (int i = 0; i < size; i++)
            identity[i, i] = 1;
        return identity;
    }
}
