using System.Numerics;
using LowRankTools.Numerics.Factorizations;
using LowRankTools.Numerics.Kernels;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Kernels.Vectors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Numerics.Engines.Embedded;

/// <content>Products and factorizations.</content>
public sealed unsafe partial class EmbeddedEngine
{
    /// <inheritdoc/>
    public void MatMul(double alpha, ITensor a, ITensor b, double beta, ITensor c, CancellationToken ct = default)
    {
        RequireMatrix(a);
        RequireMatrix(b);
        RequireMatrix(c);
        switch (Own(a), Own(b), Own(c))
        {
            case (EmbeddedTensor<float> p, EmbeddedTensor<float> q, EmbeddedTensor<float> r):
                GemmDriver.Multiply((float)alpha, p.View, q.View, (float)beta, r.View, Threads, ct);
                break;
            case (EmbeddedTensor<double> p, EmbeddedTensor<double> q, EmbeddedTensor<double> r):
                GemmDriver.Multiply(alpha, p.View, q.View, beta, r.View, Threads, ct);
                break;
            default:
                throw WrongType();
        }

        _options.Counter?.AddProduct(a, b, c);
    }

    /// <inheritdoc/>
    public ITensor Gram(ITensor a, CancellationToken ct = default)
    {
        RequireMatrix(a);
        Matrix<double> gram = Matrix<double>.Uninitialized(a.Shape[0], a.Shape[0]);
        if (Own(a) is EmbeddedTensor<float> single) GemmDriver.MultiplyByOwnTranspose(1.0, single.View, 0.0, gram.View, Threads, ct);
        else GemmDriver.MultiplyByOwnTranspose(1.0, ((EmbeddedTensor<double>)a).View, 0.0, gram.View, Threads, ct);
        return EmbeddedTensor<double>.Over(gram);
    }

    /// <inheritdoc/>
    public (ITensor Q, ITensor R) Qr(ITensor a, CancellationToken ct = default)
    {
        using Matrix<double> wide = WideFinite(a);
        int m = wide.Rows, n = wide.Columns, k = Math.Min(m, n);

        // Rows are factored; those beyond the square part only need R = Q^T A.
        using Matrix<double> columns = wide.View.Slice(0, 0, m, k).Transpose().ToMatrix();
        HouseholderQr.OrthonormalizeRows(columns.View, null, Threads, ct);
        using Matrix<double> r = new(k, n);
        GemmDriver.Multiply(1.0, columns.View, wide.View, 0.0, r.View, Threads, ct);
        for (int i = 1; i < k; i++) r.Row(i)[..i].Clear();
        using var q = new EmbeddedTensor<double>([m, k], columns.Transposed, null);
        using var upper = new EmbeddedTensor<double>([k, n], r.View, null);
        return (Copy(q, a.ElementType), Copy(upper, a.ElementType));
    }

    /// <inheritdoc/>
    public void OrthonormalizeRows(ITensor a, CancellationToken ct = default)
    {
        RequireMatrix(a);
        if (Own(a) is not EmbeddedTensor<float> rows || (rows.View.ColumnStride != 1 && rows.View.RowStride != 1)) throw WrongType();
        if (rows.View.Rows > rows.View.Columns) throw Mismatch($"{Text([.. a.Shape])} has more rows than can be orthonormal.");
        RowOrthonormalizer.Orthonormalize(rows.View, Threads, ct);
    }

    /// <inheritdoc/>
    public ITensor Cholesky(ITensor a, CancellationToken ct = default)
    {
        RequireSquare(a);
        using Matrix<double> l = WideFinite(a);
        if (!LowRankTools.Numerics.Factorizations.Cholesky.TryFactor(l.View, Threads, ct))
            throw new LowRankToolsException("NotPositiveDefinite", $"The {Text([.. a.Shape])} matrix is not positive definite.", "Add a multiple of the identity, or use the eigen-decomposition.");
        for (int i = 0; i < l.Rows; i++) l.Row(i)[(i + 1)..].Clear();
        using var tensor = new EmbeddedTensor<double>([l.Rows, l.Rows], l.View, null);
        return Copy(tensor, a.ElementType);
    }

    /// <inheritdoc/>
    public (double[] Values, ITensor Vectors) SymmetricEigen(ITensor a, Func<double[], int>? choose = null, CancellationToken ct = default)
    {
        RequireSquare(a);
        choose ??= all => all.Length;
        return Own(a) is EmbeddedTensor<float> single ? Eigen(RequireFinite(single.View.ToMatrix()), choose, ct) : Eigen(WideFinite(a), choose, ct);
    }

    /// <inheritdoc/>
    public (ITensor U, double[] SingularValues, ITensor Vt) Svd(ITensor a, CancellationToken ct = default)
    {
        RequireMatrix(a);
        if (Own(a) is not EmbeddedTensor<float> single) throw WrongType();
        RankTarget target = single.View.IsEmpty ? new RankTarget.Energy(1) : new RankTarget.Rank(single.View.SmallerSide);
        var svdOptions = new SvdOptions { ThreadCount = _options.ThreadCount, Seed = _options.Seed, Accuracy = SvdAccuracy.Exact };
        TruncatedSvdResult svd = TruncatedSvd.Compute(this, single, target, svdOptions, null, ct);
        return (EmbeddedTensor<float>.Over(svd.U), svd.SingularValues, EmbeddedTensor<float>.Over(svd.Vt));
    }

    /// <inheritdoc/>
    public ITensor Solve(ITensor a, ITensor b, CancellationToken ct = default)
    {
        RequireMatrix(b);
        if (a.Shape.Count != 2 || a.Shape[0] != b.Shape[0] || a.Shape[0] < a.Shape[1])
            throw Mismatch($"{Text([.. a.Shape])} X = {Text([.. b.Shape])} has no least-squares solution of full rank.");
        using Matrix<double> wide = WideFinite(a), right = WideFinite(b), columns = wide.Transposed.ToMatrix();
        int n = wide.Columns, p = right.Columns;
        using Matrix<double> r = new(n, n), x = Matrix<double>.Uninitialized(n, p);
        HouseholderQr.OrthonormalizeRows(columns.View, r, Threads, ct);
        double largest = 0;
        for (int i = 0; i < n; i++) largest = Math.Max(largest, Math.Abs(r[i, i]));
        for (int i = 0; i < n; i++)
        {
            if (Math.Abs(r[i, i]) <= n * 2.3e-16 * largest)
                throw new LowRankToolsException("SingularMatrix", $"The {Text([.. a.Shape])} matrix has no full column rank.", "Use the singular value decomposition.");
        }

        // R X = Q^T B from the last row upwards.
        GemmDriver.Multiply(1.0, columns.View, right.View, 0.0, x.View, Threads, ct);
        for (int i = n - 1; i >= 0; i--)
        {
            ct.ThrowIfCancellationRequested();
            double* row = x.View.Row(i);
            for (int j = i + 1; j < n; j++) VectorOps.AddScaled(-r[i, j], x.View.Row(j), row, p);
            VectorOps.Scale(1 / r[i, i], row, p);
        }

        using var solution = new EmbeddedTensor<double>([n, p], x.View, null);
        return Copy(solution, a.ElementType);
    }

    /// <inheritdoc/>
    public (double[] Values, ITensor Vectors) SymmetricEigenInPlace(ITensor a, Func<double[], int>? choose = null, CancellationToken ct = default)
    {
        RequireSquare(a);
        choose ??= all => all.Length;
        // The memory of a view is somebody else's.
        return Own(a) switch
        {
            EmbeddedTensor<float> { Owned: Matrix<float> single } => Eigen(single, choose, ct),
            EmbeddedTensor<double> { Owned: Matrix<double> wide } => Eigen(wide, choose, ct),
            _ => SymmetricEigen(a, choose, ct),
        };
    }

    private (double[] Values, ITensor Vectors) Eigen<T>(Matrix<T> destroyed, Func<double[], int> choose, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        (double[] values, Matrix<T> vectors) = LowRankTools.Numerics.Factorizations.Eigen.SymmetricEigen.Compute(destroyed, choose, Threads, ct);
        return (values, EmbeddedTensor<T>.Over(vectors));
    }

    /// <inheritdoc/>
    public ITensor SignedSums(ITensor a, ReadOnlySpan<float> signs, int count, CancellationToken ct = default)
    {
        ComposedPrimitives.RequireSums(a, signs, count);
        MatrixView<float> view = ((EmbeddedTensor<float>)Own(a)).View;
        using Matrix<float>? ordered = view.ColumnStride == 1 || view.RowStride == 1 ? null : view.ToMatrix();
        if (ordered is not null) view = ordered.View;
        bool byRows = view.ColumnStride == 1;
        Matrix<float> sums = byRows ? new(count, view.Columns) : new(view.Columns, count);
        MatrixView<float> target = byRows ? sums.View : sums.Transposed;
        SignedRowSums.Add(view, signs.ToArray(), target, Threads, ct);
        return new EmbeddedTensor<float>([view.Columns, count], target.Transpose(), sums);
    }

    private static void RequireSquare(ITensor x)
    {
        RequireMatrix(x);
        if (x.Shape[0] != x.Shape[1]) throw Mismatch($"{Text([.. x.Shape])} is not square.");
    }
}
