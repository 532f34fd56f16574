using LowRankTools.Decompositions.Tensors;

namespace LowRankTools.Decompositions.Rescal;

/// <summary>What the methods share that decompose square matrices X_k together, a tensor (K x n x n): one rank, at most n, no tolerance.</summary>
public abstract class SquareSlicesMethod : DecompositionMethod
{
    private protected SquareSlicesMethod()
    {
    }

    /// <inheritdoc/>
    public override int LeastOrder => 3;

    /// <inheritdoc/>
    public override int MostOrder => 3;

    /// <inheritdoc/>
    public override void Check(DecompositionOptions options)
    {
        base.Check(options);
        if (options.Ranks is not { Count: 1 } || options.Tolerance is not null)
            throw DecompositionOptions.Invalid($"{Name} takes one rank and no tolerance.", "Give a rank; the error that it reaches is in the result.");
    }

    /// <inheritdoc/>
    public override bool MayBeSmaller(IReadOnlyList<int> shape, DecompositionOptions options) => shape.Count == 3 && shape[1] == shape[2]
        && Factors(shape, [Math.Min(options.Ranks![0], shape[1])]).Sum(f => (double)f.Length) < shape.Aggregate(1.0, (product, size) => product * size);

    private protected int Rank(Tensor tensor, DecompositionOptions options)
    {
        if (tensor.Shape[1] != tensor.Shape[2])
            throw TensorShapes.Mismatch($"{Name} takes a tensor of square matrices (K x n x n), and not {TensorShapes.Text([.. tensor.Shape])}.");
        return Math.Min(options.Ranks![0], tensor.Shape[1]);
    }

    private protected static bool Fits(IReadOnlyList<int> shape, IReadOnlyList<int> ranks) =>
        shape.Count == 3 && shape[1] == shape[2] && ranks.Count == 1 && shape.All(n => n >= 1) && ranks[0] >= 1 && ranks[0] <= shape[1];
}
