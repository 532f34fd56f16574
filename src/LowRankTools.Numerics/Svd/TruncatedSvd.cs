namespace LowRankTools.Numerics;

/// <summary>
/// The best approximation of a matrix by few components, A (m x n) ~= U diag(s) Vt. One door to two routes: a block
/// Krylov space where the rank is small against the smaller side, the Gram matrix of that side elsewhere.
/// </summary>
public static class TruncatedSvd
{
    /// <summary>Computes the leading part of the singular value decomposition on the embedded engine.</summary>
    /// <param name="a">A, m x n, any strides, finite.</param>
    /// <param name="target">A rank, a share of the energy or an error.</param>
    /// <param name="options">Accuracy, threads, seed and tuning numbers.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>U (m x k), values descending, Vt (k x n); the caller disposes of it. Of a matrix without entries: k = 0.</returns>
    /// <exception cref="LowRankToolsException">NonFiniteValues, RankExceedsLayer, RankNotPositive, ShareOutOfRange.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static TruncatedSvdResult Compute(MatrixView<float> a, RankTarget target, SvdOptions? options = null, IProgress<double>? progress = null, CancellationToken ct = default)
    {
        options ??= SvdOptions.Default;
        var engine = new EmbeddedEngine(options.Compute);
        TruncatedSvdResult result = Compute(engine, engine.Load(a), target, options, progress, ct);
        a.KeepAlive();
        return result;
    }

    /// <summary>The same on any engine; threads and device are the engine's own.</summary>
    /// <param name="engine">Engine that holds A.</param>
    /// <param name="a">A, a float32 matrix m x n, finite.</param>
    /// <param name="target">A rank, a share of the energy or an error.</param>
    /// <param name="options">Accuracy, seed and tuning numbers.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException">As above.</exception>
    public static TruncatedSvdResult Compute(ITensorEngine engine, ITensor a, RankTarget target, SvdOptions? options = null, IProgress<double>? progress = null, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        ct.ThrowIfCancellationRequested();
        options ??= SvdOptions.Default;
        int rows = a.Shape[0], columns = a.Shape[1];
        target.Validate(rows, columns);
        double squaredNorm = InputCheck.Checked(engine.SumOfSquares(a), rows, columns);
        if (a.Length == 0) return new TruncatedSvdResult(new(rows, 0), [], new(0, columns), 0, 0, "none");

        // Both routes want one shape, and transposing is free.
        TruncatedSvdResult result = rows <= columns
            ? Flat(engine, a, target, squaredNorm, options, progress, ct)
            : Flip(Flat(engine, engine.Transpose(a), target, squaredNorm, options, progress, ct));
        SignRule.Apply(result.U, result.Vt);
        progress?.Report(1);
        return result;
    }

    private static TruncatedSvdResult Flat(ITensorEngine engine, ITensor a, RankTarget target, double squaredNorm, SvdOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        // Without a limit, a share of the energy may need any rank: only all values tell.
        int rows = a.Shape[0], columns = a.Shape[1];
        int? rank = target is RankTarget.Rank fixedRank ? fixedRank.Value : target.Limit;
        if (rank is not null && rows > options.DenseThreshold && KrylovShape.For(rows, Math.Min(rank.Value, rows), options) is { } shape
            && (options.BlockSize is not null || shape.Cost(rows, columns) < GramSvd.Cost(rows, columns))
            && BlockKrylovSvd.Compute(engine, a, target, squaredNorm, shape, options.Seed, progress, ct) is { } result)
        {
            return result;
        }

        return GramSvd.Compute(engine, a, target, squaredNorm, options.Accuracy, progress, ct);
    }

    private static TruncatedSvdResult Flip(TruncatedSvdResult result)
    {
        Matrix<float> u = result.Vt.Transposed.ToMatrix(), vt = result.U.Transposed.ToMatrix();
        result.Dispose();
        return new TruncatedSvdResult(u, result.SingularValues, vt, result.SquaredNorm, result.RelativeError, result.Algorithm);
    }
}
