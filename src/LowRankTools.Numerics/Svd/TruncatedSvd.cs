using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Svd;

/// <summary>
/// The best approximation of a matrix by few components, A (m x n) ~= U diag(s) Vt. One door to two routes: a block
/// Krylov space where the rank is small against the smaller side, the Gram matrix of that side elsewhere.
/// </summary>
public static class TruncatedSvd
{
    /// <summary>Computes the leading part of the singular value decomposition; threads and device are the engine's own.</summary>
    /// <param name="engine">Engine that holds A.</param>
    /// <param name="a">A, a float32 matrix m x n, finite.</param>
    /// <param name="target">A rank, a share of the energy or an error.</param>
    /// <param name="options">Accuracy, seed and tuning numbers.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>U (m x k), values descending, Vt (k x n); the caller disposes of it. Of a matrix without entries: k = 0.</returns>
    /// <exception cref="LowRankToolsException">NonFiniteValues, RankExceedsLayer, RankNotPositive, ShareOutOfRange.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
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

    /// <summary>Rough cost of <see cref="Compute"/>: seconds on two
    /// fast cores, by the route that it takes. Good for comparing matrices, not for telling times.</summary>
    /// <param name="rows">m, at least 1.</param>
    /// <param name="columns">n, at least 1.</param>
    /// <param name="rank">Components wanted, from 1 to the smaller side.</param>
    /// <param name="options">Accuracy and tuning numbers; null for the defaults.</param>
    public static double EstimateCost(int rows, int columns, int rank, SvdOptions? options = null)
    {
        (rows, columns) = (Math.Min(rows, columns), Math.Max(rows, columns));
        return Krylov(rows, columns, rank, options ?? SvdOptions.Default)?.Cost(rows, columns) ?? GramSvd.Cost(rows, columns);
    }

    /// <summary>The shape of the Krylov space where that route is taken; null where the other one is.</summary>
    private static KrylovShape? Krylov(int rows, int columns, int rank, SvdOptions options) =>
        rows > options.DenseThreshold && KrylovShape.For(rows, Math.Min(rank, rows), options) is { } shape
            && (options.BlockSize is not null || shape.Cost(rows, columns) < GramSvd.Cost(rows, columns)) ? shape : null;

    private static TruncatedSvdResult Flat(ITensorEngine engine, ITensor a, RankTarget target, double squaredNorm, SvdOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        // Without a limit, a share of the energy may need any rank: only all values tell.
        int rows = a.Shape[0], columns = a.Shape[1];
        int? rank = target is RankTarget.Rank fixedRank ? fixedRank.Value : target.Limit;
        if (rank is not null && Krylov(rows, columns, rank.Value, options) is { } shape
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
