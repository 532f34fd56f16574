using TorchSharp.Modules;

namespace LowRankTools.TorchSharp.Modules;

/// <summary>
/// A linear layer of low rank: <c>Sequential(Linear(in, r), Linear(r, out))</c>, y = W1 (W0 x + b0) + b1. Its parameters
/// are called 0.weight (r x in), 1.weight (out x r) and 1.bias, and 0.bias where there is one, as in PyTorch after the
/// same surgery. Its type tells it from a sequence of two layers that somebody meant as such.
/// </summary>
public sealed class LowRankPair : Sequential
{
    internal LowRankPair(Linear first, Linear second)
        : base(("0", first), ("1", second))
    {
    }

    /// <summary>W0 (r x in), and b0 where there is one.</summary>
    public Linear First => (Linear)this[0];

    /// <summary>W1 (out x r), and b1 where there is one.</summary>
    public Linear Second => (Linear)this[1];
}
