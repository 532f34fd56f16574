namespace LowRankTools.Numerics;

/// <summary>The best approximation of a matrix by few components, A (m x n) ~= U diag(s) Vt.</summary>
public static class TruncatedSvd
{
    /// <summary>Computes the leading part of the singular value decomposition.</summary>
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
        ArgumentNullException.ThrowIfNull(target);
        options ??= SvdOptions.Default;
        target.Validate(a.Rows, a.Columns);
        double squaredNorm = InputCheck.SquaredNormOfFinite(a, options.Compute, ct);
        if (a.IsEmpty) return new TruncatedSvdResult(new(a.Rows, 0), [], new(0, a.Columns), 0, 0, "none");

        TruncatedSvdResult result = a.Rows < a.Columns
            ? Flip(GramSvd.Compute(a.Transpose(), target, squaredNorm, options, ct))
            : GramSvd.Compute(a, target, squaredNorm, options, ct);
        SignRule.Apply(result.U, result.Vt);
        a.KeepAlive();
        progress?.Report(1);
        return result;
    }

    private static TruncatedSvdResult Flip(TruncatedSvdResult result)
    {
        Matrix<float> u = result.Vt.Transposed.ToMatrix(), vt = result.U.Transposed.ToMatrix();
        result.Dispose();
        return new TruncatedSvdResult(u, result.SingularValues, vt, result.SquaredNorm, result.RelativeError, result.Algorithm);
    }
}
