using LowRankTools.Core.Factors;
using LowRankTools.Core.Records;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>The best pair for a dense delta, the roots of the singular values in both factors.</summary>
internal static class TruncatedDelta
{
    /// <summary>Decomposes a delta; null for one of zeros.</summary>
    /// <param name="module">Name of the module.</param>
    /// <param name="delta">out x in.</param>
    /// <param name="inputs">Shape of the inputs: in, or in and the kernel's sizes.</param>
    /// <param name="isEmbedding">Whether the module is a table.</param>
    /// <param name="rank">A rank or a share of energy.</param>
    /// <param name="threads">Threads; zero for all.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static ComputedModule? Compute(string module, MatrixView<float> delta, long[] inputs, bool isEmbedding, AdapterRank rank, int threads, CancellationToken cancellationToken)
    {
        int most = Math.Min(delta.SmallerSide, rank.MaxRank ?? int.MaxValue);
        RankTarget target = rank is AdapterRank.Ratio or AdapterRank.Cumulative
            ? new RankTarget.Rank(Math.Min(rank.Choose(SingularValues.Compute(delta, new SvdOptions { ThreadCount = threads }, cancellationToken)), most))
            : rank is AdapterRank.Fixed f ? new RankTarget.Rank(Math.Min(f.Value, most)) : new RankTarget.Energy(((AdapterRank.Energy)rank).Share) { MaxRank = most };
        TruncatedSvdResult svd = MatrixSvd.Compute(delta, target, new SvdOptions { Accuracy = SvdAccuracy.Exact, ThreadCount = threads }, null, cancellationToken);
        if (svd.SquaredNorm == 0)
        {
            svd.Dispose();
            return null;
        }
        LayerFactors.Scale(svd, FactorSplit.Balanced);
        AdapterFactors factors = new() { Name = module, A = svd.Vt, B = svd.U, Inputs = inputs, IsEmbedding = isEmbedding };
        return new ComputedModule(factors, new AdapterModuleResult
        {
            Name = module, Shape = [delta.Rows, .. inputs], RankBefore = delta.SmallerSide, Rank = svd.Rank, Norm = Math.Sqrt(svd.SquaredNorm), RelativeError = svd.RelativeError,
        });
    }
}
