using LowRankTools.Numerics.Engines;

namespace LowRankTools.Numerics.Svd;

/// <summary>The last steps that every route shares: the verified error, and the factors brought home.</summary>
internal static class SvdAssembly
{
    /// <summary>Makes the result of A ~= U S Vt.</summary>
    /// <param name="engine">Engine that holds the tensors.</param>
    /// <param name="a">A, m x n.</param>
    /// <param name="ut">U^T, rank x m, orthonormal rows.</param>
    /// <param name="sigma">Singular values.</param>
    /// <param name="vt">V^T, rank x n, orthonormal rows.</param>
    /// <param name="squaredNorm">||A||_F^2.</param>
    /// <param name="algorithm">The route, for people.</param>
    /// <param name="ct">Stops the computation.</param>
    public static TruncatedSvdResult Finish(ITensorEngine engine, ITensor a, ITensor ut, double[] sigma, ITensor vt, double squaredNorm, string algorithm, CancellationToken ct)
    {
        double error = ResidualNorm.Relative(engine, a, ut, sigma, vt, squaredNorm, ct);
        return new TruncatedSvdResult(engine.ToMatrix(engine.Transpose(ut)), sigma, engine.ToMatrix(vt), squaredNorm, error, algorithm);
    }
}
