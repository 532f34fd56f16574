using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Modules;

/// <summary>What takes the place of linear layers: how large it is, and how it is made.</summary>
internal abstract class LinearReplacer
{
    /// <summary>Type of what is made.</summary>
    public abstract Type Kind { get; }

    /// <summary>The largest rank of what stands for a weight (rows x columns).</summary>
    public abstract int RankOf(long rows, long columns);

    /// <summary>Parameters of what stands for such a weight, biases included.</summary>
    public abstract long Parameters(long rows, long columns, bool bias);

    /// <summary>Makes it of a layer, and says the relative error of its weight; null where it starts fresh.</summary>
    public abstract (nn.Module<Tensor, Tensor> Module, double? RelativeError) Make(Linear layer, CancellationToken ct);

    /// <summary>Makes it with the factors of another one, of a layer with the same weight, and the layer's own bias.</summary>
    public abstract nn.Module<Tensor, Tensor> Shared(Linear layer, nn.Module<Tensor, Tensor> twin);
}
