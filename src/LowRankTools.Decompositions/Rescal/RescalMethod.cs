using LowRankTools.Decompositions.Tensors;

namespace LowRankTools.Decompositions.Rescal;

/// <summary>
/// RESCAL of square matrices X_k, <see cref="RescalTensor"/> (Nickel, Tresp, Kriegel, "A three-way model for collective learning on multi-relational data",
/// 2011), by alternating least squares on orthonormal A, from the leading subspace of all X_k and X_k^T and from random ones. Takes one rank.
/// </summary>
public sealed class RescalMethod : SquareSlicesMethod
{
    internal const string MethodName = "Rescal";
    private const int Sweeps = 500;
    private const double Rest = 1e-9;

    /// <inheritdoc/>
    public override string Name => MethodName;

    /// <inheritdoc/>
    public override string Description => "Square matrices by one factor for rows and columns and a core each, by alternating least squares: one rank.";

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks) => Fits(shape, ranks)
        ? [new FactorShape("entities", [shape[1], ranks[0]]), new FactorShape("relations", [shape[0], ranks[0], ranks[0]])]
        : throw NoSuch(shape, ranks);

    private protected override Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        int rank = Rank(tensor, options);
        CommonSubspace? best = null;
        for (int start = 0; start < options.Starts; start++)
        {
            CommonSubspace found = CommonSubspace.Of(tensor, rank, start, options.MaxIterations ?? Sweeps, options.Rest ?? Rest, options.Compute, ct);
            (CommonSubspace? worse, best) = best is null || found.Errors[^1] < best.Errors[^1] ? (best, found) : (found, best);
            worse?.Dispose();
            progress?.Report((start + 1.0) / options.Starts);
        }
        using (best)
        {
            RescalTensor rescal = new(tensor.Shape, [new NamedFactor("entities", Tensor.From(best!.Basis.Transposed, best.Basis.Columns, best.Basis.Rows)), new NamedFactor("relations", best.Cores.Copy())])
            {
                Errors = [.. best.Errors], Iterations = best.Errors.Count - 1, Converged = best.Converged,
            };
            rescal.RelativeError = rescal.ErrorAgainst(tensor, options.Compute, ct);
            return rescal;
        }
    }

    private protected override Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors) => new RescalTensor(shape, factors);
}
