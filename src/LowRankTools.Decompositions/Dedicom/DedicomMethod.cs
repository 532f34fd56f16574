using LowRankTools.Decompositions.Rescal;
using LowRankTools.Decompositions.Tensors;

namespace LowRankTools.Decompositions.Dedicom;

/// <summary>
/// Three-way DEDICOM of square matrices X_k, <see cref="DedicomTensor"/> (Harshman, 1978; Bader, Harshman, Kolda, 2007), in the common subspace of all of them by
/// Levenberg-Marquardt from several starts. Takes one rank.
/// </summary>
public sealed class DedicomMethod : SquareSlicesMethod
{
    internal const string MethodName = "Dedicom";

    /// <inheritdoc/>
    public override string Name => MethodName;

    /// <inheritdoc/>
    public override string Description => "Square matrices by one factor, one core and a diagonal each, by Levenberg-Marquardt in their common subspace: one rank.";

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks) => Fits(shape, ranks)
        ? [new FactorShape("loadings", [shape[1], ranks[0]]), new FactorShape("diagonals", [shape[0], ranks[0]]), new FactorShape("core", [ranks[0], ranks[0]])]
        : throw NoSuch(shape, ranks);

    private protected override Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        int rank = Rank(tensor, options);
        (Tensor factor, Tensor diagonals, Tensor? core, int iterations, bool converged) = CompressedFit.Run(tensor, rank, small => new DedicomResiduals(small, rank), options, progress, ct);
        DedicomTensor dedicom = new(tensor.Shape, [new NamedFactor("loadings", factor), new NamedFactor("diagonals", diagonals), new NamedFactor("core", core!)]) { Iterations = iterations, Converged = converged };
        dedicom.RelativeError = dedicom.ErrorAgainst(tensor, options.Compute, ct);
        return dedicom;
    }

    private protected override Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors) => new DedicomTensor(shape, factors);
}
