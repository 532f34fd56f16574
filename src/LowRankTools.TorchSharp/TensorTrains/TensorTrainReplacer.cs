using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.TensorTrainMatrices;
using LowRankTools.Numerics.Threading;
using LowRankTools.TorchSharp.Modules;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.TensorTrains;

/// <summary>Tensor trains in place of linear layers, one rank for all bonds that have it, by the method that writes files of them.</summary>
internal sealed class TensorTrainReplacer(int rank, TensorTrainOptions options) : LinearReplacer
{
    public override Type Kind => typeof(TensorTrainLinear);

    public override int RankOf(long rows, long columns) => Method(rows, columns, out int[] shape).RanksOf(shape, rank).Max();

    public override long Parameters(long rows, long columns, bool bias)
    {
        LayerMethod method = Method(rows, columns, out int[] shape);
        return method.Parameters(shape, method.RanksOf(shape, rank)) + (bias ? rows : 0);
    }

    public override (nn.Module<Tensor, Tensor> Module, double? RelativeError) Make(Linear layer, CancellationToken ct)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable frozen = no_grad();
        Tensor weight = layer.weight!;
        LayerMethod method = Method(weight.shape[0], weight.shape[1], out int[] shape);
        IReadOnlyList<int> ranks = method.RanksOf(shape, rank);
        IReadOnlyList<FactorShape> factors = method.Factors(shape, ranks);
        if (options.Initialization == PairInitialization.Random)
        {
            // An entry of W is a sum of as many products as the ranks have ways; its variance is then 1 / (3 n), as a linear layer starts.
            double ways = ranks.Aggregate(1.0, (product, r) => product * r), deviation = Math.Pow(3 * shape[1] * ways, -0.5 / factors.Count);
            return (Layer(layer, [.. factors.Select(f => randn([.. f.Shape.Select(n => (long)n)], ScalarType.Float32).mul(deviation))]), null);
        }

        (Tensor[] cores, double error) = LinearFactors.Of(layer, method, shape, ranks, new ComputeOptions { Seed = options.Seed }, ct);
        return (Layer(layer, cores), error);
    }

    public override nn.Module<Tensor, Tensor> Shared(Linear layer, nn.Module<Tensor, Tensor> twin)
    {
        TensorTrainLinear train = new(((TensorTrainLinear)twin).Cores, LinearFactors.Bias(layer));
        train.train(layer.training);
        return train;
    }

    /// <summary>A train of cores in a layer's type, on its device, with its bias.</summary>
    internal static TensorTrainLinear Layer(Linear like, IReadOnlyList<Tensor> cores)
    {
        using DisposeScope scope = NewDisposeScope();
        TensorTrainLinear train = new([.. cores.Select(c => LinearFactors.Like(like, c))], LinearFactors.Bias(like));
        train.train(like.training);
        return train;
    }

    private LayerMethod Method(long rows, long columns, out int[] shape)
    {
        shape = [checked((int)rows), checked((int)columns)];
        return new TensorTrainLayer().SplitBy(shape, options.Splits);
    }
}
