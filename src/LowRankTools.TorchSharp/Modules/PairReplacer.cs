using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Modules;

/// <summary>Pairs of one rank in place of linear layers.</summary>
internal sealed class PairReplacer(int rank, FactorizeLinearOptions options) : LinearReplacer
{
    public override Type Kind => typeof(LowRankPair);

    public override int RankOf(long rows, long columns) => rank;

    public override long Parameters(long rows, long columns, bool bias) => (rank * (rows + columns)) + (options.Bias == PairBias.Both ? rank + rows : bias ? rows : 0);

    public override (nn.Module<Tensor, Tensor> Module, double? RelativeError) Make(Linear layer, CancellationToken ct) =>
        options.Initialization == PairInitialization.Svd ? PairFactory.FromSvd(layer, rank, options.Bias, options.Seed, ct) : (PairFactory.Fresh(layer, rank, options.Bias), null);

    public override nn.Module<Tensor, Tensor> Shared(Linear layer, nn.Module<Tensor, Tensor> twin)
    {
        LowRankPair pair = PairFactory.Fresh(layer, rank, options.Bias), other = (LowRankPair)twin;
        if (options.Initialization == PairInitialization.Svd) PairFactory.TakeBias(pair, layer);
        pair.First.weight = other.First.weight;
        pair.Second.weight = other.Second.weight;
        return pair;
    }
}
