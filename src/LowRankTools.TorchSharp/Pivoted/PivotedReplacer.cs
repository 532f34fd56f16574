using LowRankTools.Decompositions.Pivoted;
using LowRankTools.Numerics.Threading;
using LowRankTools.TorchSharp.Modules;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Pivoted;

/// <summary>Pivoted pairs of one rank, or the largest below it that there is, in place of linear layers.</summary>
internal sealed class PivotedReplacer(int rank, PivotedOptions options) : LinearReplacer
{
    private readonly PivotedLayer _method = new();

    public override Type Kind => typeof(PivotedLinear);

    public override int RankOf(long rows, long columns) => Math.Min(rank, _method.MostRanks([checked((int)rows), checked((int)columns)])[0]);

    /// <summary>Entries that are trained; the pivots are none. One row alone has no such pair, and nothing to gain by it.</summary>
    public override long Parameters(long rows, long columns, bool bias) =>
        (RankOf(rows, columns) is > 0 and int r ? r * (rows + columns - r) : rows * columns) + (bias ? rows : 0);

    public override (nn.Module<Tensor, Tensor> Module, double? RelativeError) Make(Linear layer, CancellationToken ct)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable frozen = no_grad();
        Tensor weight = layer.weight!;
        int[] shape = [.. weight.shape.Select(n => checked((int)n))];
        int r = RankOf(shape[0], shape[1]);
        if (options.Initialization == PairInitialization.Random)
        {
            // A row of A starts as that of a linear layer, and combinations of r of them have its variance.
            Tensor rows = rand([r, shape[1]], ScalarType.Float32).mul(2).sub(1).div(Math.Sqrt(shape[1])), others = randn([shape[0] - r, r], ScalarType.Float32).div(Math.Sqrt(r));
            return (Layer(layer, First(shape[0], r), rows, others), null);
        }

        (Tensor[] made, double error) = LinearFactors.Of(layer, _method, shape, [r], new ComputeOptions { Seed = options.Seed }, ct);
        return (Layer(layer, made[0], made[1], made[2]), error);
    }

    public override nn.Module<Tensor, Tensor> Shared(Linear layer, nn.Module<Tensor, Tensor> twin)
    {
        PivotedLinear other = (PivotedLinear)twin, pair = new(other.Pivots.clone(), other.Rows, other.Others, LinearFactors.Bias(layer));
        pair.train(layer.training);
        return pair;
    }

    /// <summary>Pivots that keep the first rows.</summary>
    internal static Tensor First(long outputs, long rank) => cat([ones(rank), zeros(outputs - rank)]);

    /// <summary>A pair in a layer's type, on its device, with its bias.</summary>
    internal static PivotedLinear Layer(Linear like, Tensor pivots, Tensor rows, Tensor others)
    {
        using DisposeScope scope = NewDisposeScope();
        PivotedLinear pair = new(pivots.to(like.weight!.dtype).to(like.weight!.device).clone(), LinearFactors.Like(like, rows), LinearFactors.Like(like, others), LinearFactors.Bias(like));
        pair.train(like.training);
        return pair;
    }
}
