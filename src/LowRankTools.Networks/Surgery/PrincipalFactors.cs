using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Networks.Surgery;

/// <summary>The r largest components of a weight, their singular values' roots in both factors.</summary>
/// <param name="First">S^1/2 V^T / divisor, r x in.</param>
/// <param name="Second">U S^1/2 / divisor, out x r.</param>
/// <param name="RelativeError">||W - U S V^T|| / ||W||.</param>
internal readonly record struct PrincipalFactors(Matrix<float> First, Matrix<float> Second, double RelativeError)
{
    /// <summary>Computes them; both matrices are the caller's.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weight">W, out x in, float32.</param>
    /// <param name="rank">r.</param>
    /// <param name="divisor">Divides both factors: Second First divisor^2 ~= W.</param>
    /// <param name="seed">Seed of the decomposition.</param>
    /// <param name="ct">Stops the computation.</param>
    public static PrincipalFactors Of(INetworkEngine engine, ITensor weight, int rank, double divisor, ulong seed, CancellationToken ct)
    {
        using TruncatedSvdResult svd = TruncatedSvd.Compute(engine, weight, new RankTarget.Rank(rank), new SvdOptions { Seed = seed }, null, ct);
        Matrix<float> first = svd.Vt.Copy(), second = svd.U.Copy();
        for (int k = 0; k < svd.Rank; k++)
        {
            float size = (float)(Math.Sqrt(svd.SingularValues[k]) / divisor);
            foreach (ref float value in first.Row(k)) value *= size;
            for (int i = 0; i < second.Rows; i++) second[i, k] *= size;
        }

        return new PrincipalFactors(first, second, svd.RelativeError);
    }
}
