using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Calibration;

/// <summary>
/// The approximation of W (m x n) by rank r that minimises tr(H (W - W') G (W - W')^T): G weighs the inputs, H the
/// outputs. With G = R^T R and H = T^T T that is the truncated singular value decomposition of T W R^T (Eckart and Young
/// in the weighted norm; the whitened SVD of Wang et al., SVD-LLM, 2024, for H = I).
/// </summary>
/// <remarks>
/// Diagonal weights only scale W. Whole ones go through the eigen-decomposition of K G K^T with K = T W, on the side where
/// that is cheaper; so the Gram of the other side needs no root, and the pair is B = T^-1 U, A = U^T K with the leading
/// eigenvectors U. With H = I that is the projection of W on the directions in which its outputs are strongest.
/// </remarks>
internal sealed class WeightedProblem : IDisposable
{
    private readonly ITensorEngine _engine;
    private readonly Matrix<double> _scaled;
    private readonly double[]? _rowScale, _columnScale;
    private readonly Matrix<double>? _left, _right;

    /// <summary>States the problem.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weight">W, m x n, unchanged.</param>
    /// <param name="left">H, m x m, positive definite; null for I.</param>
    /// <param name="right">G, n x n, positive definite; null for I.</param>
    public WeightedProblem(ITensorEngine engine, Matrix<double> weight, Gram? left, Gram? right)
    {
        _engine = engine;
        _scaled = weight.Copy();
        _rowScale = Roots(left);
        _columnScale = Roots(right);
        if (_rowScale is not null)
            HostMatrix.ScaleRows(_scaled, _rowScale);
        if (_columnScale is not null)
            HostMatrix.ScaleColumns(_scaled, _columnScale);
        (_left, _right) = (left?.Dense, right?.Dense);
    }

    private bool IsScaling => _left is null && _right is null;

    // A root costs an eigen-decomposition of its side's size, and so does the problem on that side.
    private bool Flipped => Cubed(_scaled.Columns, _right) < Cubed(_scaled.Rows, _left);

    /// <summary>All singular values of T W R^T, descending: those beyond r are what rank r discards.</summary>
    public double[] Values(CancellationToken cancellationToken)
    {
        using ITensor weight = _engine.Load(_scaled.View);
        if (IsScaling)
            return SingularValues.Compute(_engine, weight, cancellationToken);
        using Side side = Prepare(weight, cancellationToken);
        (double[] eigenvalues, ITensor none) = _engine.SymmetricEigen(side.Gram, _ => 0, cancellationToken);
        none.Dispose();
        return [.. eigenvalues.Take(Math.Min(_scaled.Rows, _scaled.Columns)).Select(l => Math.Sqrt(Math.Max(l, 0)))];
    }

    /// <summary>Solves for one rank.</summary>
    /// <param name="rank">r, 1 to min(m, n).</param>
    /// <param name="options">Seed and accuracy where the problem is a scaling.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public WeightedPair Solve(int rank, SvdOptions options, CancellationToken cancellationToken)
    {
        using ITensor weight = _engine.Load(_scaled.View);
        WeightedPair pair = IsScaling ? Scaled(weight, rank, options, cancellationToken) : Whitened(weight, rank, cancellationToken);
        if (_rowScale is not null)
            HostMatrix.ScaleRows(pair.Left, Array.ConvertAll(_rowScale, s => 1 / s));
        if (_columnScale is not null)
            HostMatrix.ScaleColumns(pair.Right, Array.ConvertAll(_columnScale, s => 1 / s));
        return pair;
    }

    /// <inheritdoc/>
    public void Dispose() => _scaled.Dispose();

    private WeightedPair Scaled(ITensor weight, int rank, SvdOptions options, CancellationToken cancellationToken)
    {
        using ITensor single = _engine.Copy(weight, ElementType.Float32);
        using TruncatedSvdResult svd = TruncatedSvd.Compute(_engine, single, new RankTarget.Rank(rank), options, null, cancellationToken);
        Matrix<double> left = HostMatrix.Of(svd.U.View), right = HostMatrix.Of(svd.Vt.View);
        HostMatrix.ScaleRows(right, svd.SingularValues);
        return new WeightedPair(left, right, svd.SingularValues, "scaled, " + svd.Algorithm);
    }

    private WeightedPair Whitened(ITensor weight, int rank, CancellationToken cancellationToken)
    {
        using Side side = Prepare(weight, cancellationToken);
        (double[] eigenvalues, ITensor vectors) = _engine.SymmetricEigen(side.Gram, _ => rank, cancellationToken);
        using (vectors)
        {
            int other = side.Weighted.Shape[1];
            using ITensor first = side.Root is null ? _engine.Copy(vectors, ElementType.Float64) : Product(vectors, side.Root.InverseTransposed, cancellationToken);
            using ITensor second = Product(vectors, side.Weighted, cancellationToken);
            Matrix<double> b = HostMatrix.Of(_engine, _engine.Transpose(Flipped ? second : first)), a = HostMatrix.Of(_engine, Flipped ? first : second);
            double[] values = [.. eigenvalues.Take(rank).Select(l => Math.Sqrt(Math.Max(l, 0)))];
            return new WeightedPair(b, a, values, "whitened, float64 Gram");
        }
    }

    private Side Prepare(ITensor weight, CancellationToken cancellationToken)
    {
        ITensor turned = Flipped ? _engine.Transpose(weight) : weight;
        (Matrix<double>? near, Matrix<double>? far) = Flipped ? (_right, _left) : (_left, _right);
        GramRoot? root = near is null ? null : new GramRoot(_engine, near, cancellationToken);
        ITensor weighted = root is null ? _engine.Copy(turned, ElementType.Float64) : Product(root.Root, turned, cancellationToken);
        if (far is null)
            return new Side(root, weighted, _engine.Gram(weighted, cancellationToken));
        using ITensor loaded = _engine.Load(far.View), half = Product(weighted, loaded, cancellationToken);
        return new Side(root, weighted, Product(half, _engine.Transpose(weighted), cancellationToken));
    }

    private ITensor Product(ITensor a, ITensor b, CancellationToken cancellationToken)
    {
        ITensor c = _engine.Create(ElementType.Float64, a.Shape[0], b.Shape[1]);
        _engine.MatMul(1, a, b, 0, c, cancellationToken);
        return c;
    }

    private static double Cubed(double size, object? root) => size * size * size * (root is null ? 1 : 2);

    private static double[]? Roots(Gram? gram) => gram?.Diagonal is { } diagonal ? Array.ConvertAll(diagonal, Math.Sqrt) : null;

    /// <param name="Root">T; null for I.</param>
    /// <param name="Weighted">K = T W.</param>
    /// <param name="Gram">K G K^T.</param>
    private sealed record Side(GramRoot? Root, ITensor Weighted, ITensor Gram) : IDisposable
    {
        public void Dispose()
        {
            Root?.Dispose();
            Weighted.Dispose();
            Gram.Dispose();
        }
    }
}
