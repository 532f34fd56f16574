using LowRankTools.Decompositions.Dedicom;
using LowRankTools.Decompositions.Rescal;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Indscal;

/// <summary>
/// INDSCAL of square matrices X_k, <see cref="IndscalTensor"/> (Carroll and Chang, 1970): CP with one factor for rows and columns, in the common subspace of all of
/// them by Levenberg-Marquardt from several starts. Takes one rank. Of matrices that are not symmetric the symmetric part is fitted.
/// </summary>
public sealed class IndscalMethod : SquareSlicesMethod
{
    internal const string MethodName = "Indscal";

    /// <inheritdoc/>
    public override string Name => MethodName;

    /// <inheritdoc/>
    public override string Description => "Symmetric matrices by one factor and weights of its columns for each, by Levenberg-Marquardt in their common subspace: one rank.";

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks) => Fits(shape, ranks)
        ? [new FactorShape("loadings", [shape[1], ranks[0]]), new FactorShape("weights", [shape[0], ranks[0]])]
        : throw NoSuch(shape, ranks);

    private protected override Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        int rank = Rank(tensor, options);
        // Compressed matrices are less work than sharing it out.
        ComputeOptions alone = options.Compute with { ThreadCount = 1 };
        (Tensor factor, Tensor weights, _, int iterations, bool converged) = CompressedFit.Run(tensor, rank, small => new IndscalResiduals(small, rank, alone), options, progress, ct);
        IndscalTensor indscal = new(tensor.Shape, [new NamedFactor("loadings", factor), new NamedFactor("weights", weights)]) { Iterations = iterations, Converged = converged };
        indscal.RelativeError = indscal.ErrorAgainst(tensor, options.Compute, ct);
        return indscal;
    }

    private protected override Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors) => new IndscalTensor(shape, factors);
}
