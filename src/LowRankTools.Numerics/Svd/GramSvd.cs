using LowRankTools.Numerics.Engines;

namespace LowRankTools.Numerics.Svd;

/// <summary>
/// The dense route for flat A (m x n, m at most n): the eigen-decomposition of A A^T in float64 gives U and the rank;
/// V comes from orthonormalising U^T A, so that it is orthonormal even where A has no rank left. Values below about
/// 1e-8 of the largest are noise. Working set beyond the input: 2.1 m^2 float64, or 1.6 m^2 and
/// the wanted vectors, and the factors.
/// </summary>
internal static class GramSvd
{
    public static TruncatedSvdResult Compute(ITensorEngine engine, ITensor a, RankTarget target, double squaredNorm, SvdAccuracy accuracy, IProgress<double>? progress, CancellationToken ct)
    {
        if (SingleGramSvd.TryCompute(engine, a, target, squaredNorm, accuracy, progress, ct) is { } single) return single;
        (double[] eigenvalues, ITensor vectors) = GramEigen.Compute(engine, a, values => Choose(target, values, squaredNorm), () => progress?.Report(0.2), ct);
        progress?.Report(0.8);
        using ITensor ut = engine.Copy(vectors, ElementType.Float32);
        vectors.Dispose();
        int rank = ut.Shape[0];
        using ITensor vt = engine.Create(ElementType.Float32, rank, a.Shape[1]);
        engine.MatMul(1, ut, a, 0, vt, ct);
        engine.OrthonormalizeRows(vt, ct);
        double[] sigma = [.. eigenvalues.Take(rank).Select(value => Math.Sqrt(Math.Max(value, 0)))];
        return SvdAssembly.Finish(engine, a, ut, sigma, vt, squaredNorm, "float64 Gram", ct);
    }

    /// <summary>Rough seconds on two fast cores, of the float32 route.</summary>
    public static double Cost(int rows, int columns) =>
        ((double)rows * rows * columns / 140e9) + ((double)rows * rows * rows / 22e9);

    private static int Choose(RankTarget target, double[] eigenvalues, double squaredNorm)
    {
        double[] values = [.. eigenvalues.Select(value => Math.Sqrt(Math.Max(value, 0)))];
        int rank = RankChoice.Find(target, values, squaredNorm);
        return rank == 0 ? values.Length : rank;
    }
}
