using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Numerics.Engines.Embedded;

/// <summary>Truncated SVD of a matrix in memory, for callers that have no engine: <see cref="TruncatedSvd"/> on the embedded one.</summary>
public static class MatrixSvd
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
        TruncatedSvdResult result = TruncatedSvd.Compute(engine, engine.Load(a), target, options, progress, ct);
        a.KeepAlive();
        return result;
    }
}
