using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.Tucker;

namespace LowRankTools.Decompositions.RandomizedTucker;

/// <summary>
/// Tucker for large modes, <see cref="TuckerTensor"/>: the start by random sketches, <see cref="SketchedTucker"/>, then sweeps of HOOI where they are asked for.
/// Takes ranks R_1 to R_d and no tolerance, which a sketch does not promise.
/// </summary>
public sealed class RandomizedTuckerMethod : DecompositionMethod
{
    private const double Rest = 1e-5;

    /// <inheritdoc/>
    public override string Name => "RandomizedTucker";

    /// <inheritdoc/>
    public override string Description => "Tucker of large modes by random sketches, then as many sweeps of HOOI as are asked for: ranks.";

    /// <inheritdoc/>
    public override void Check(DecompositionOptions options)
    {
        base.Check(options);
        if (options.Ranks is null || options.Tolerance is not null)
            throw DecompositionOptions.Invalid($"{Name} takes ranks and no tolerance.", "Tucker keeps a tolerance.");
    }

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks) => new TuckerMethod().Factors(shape, ranks);

    private protected override Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        TuckerState start = SketchedTucker.Start(tensor, options.RanksFor(tensor.Order, "modes"), options.Compute, ct);
        progress?.Report(0.5);
        return OrthogonalIteration.Run(tensor, start, options.MaxIterations ?? 0, options.Rest ?? Rest, options, progress, ct);
    }

    private protected override Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors) => new TuckerMethod().Restore(shape, ranks, [.. factors.Select(f => f.Values)]);
}
