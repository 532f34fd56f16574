using LowRankTools.Decompositions.Tensors;

namespace LowRankTools.Decompositions.Tucker;

/// <summary>
/// Tucker by ST-HOSVD and HOOI, <see cref="TuckerTensor"/>. Takes ranks R_1 to R_d, a tolerance, or both, and the modes to reduce. With a
/// tolerance the start has fewest ranks that keep it, and the sweeps make the error smaller at these ranks.
/// </summary>
public sealed class TuckerMethod : DecompositionMethod
{
    internal const string MethodName = "Tucker";
    private const int Sweeps = 50;
    private const double Rest = 1e-5;

    /// <inheritdoc/>
    public override string Name => MethodName;

    /// <inheritdoc/>
    public override string Description => "A small core and an orthonormal matrix for every mode, by ST-HOSVD and HOOI: ranks or a tolerance.";

    /// <inheritdoc/>
    public override void Check(DecompositionOptions options) => base.Check(options with { Modes = null });

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks)
    {
        if (shape.Count < LeastOrder || ranks.Count != shape.Count || ranks.Where((r, n) => r < 1 || r > shape[n]).Any())
            throw NoSuch(shape, ranks);
        return [new FactorShape("core", [.. ranks]), .. Reduced(shape, ranks).Select(n => new FactorShape(TuckerTensor.NameOf(n), [shape[n], ranks[n]]))];
    }

    private protected override Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        int[] most = MostRanks(tensor, options);
        TuckerState start = HigherOrderSvd.Start(tensor, most, Enumerable.Range(0, tensor.Order).Count(n => most[n] > 0), options, ct);
        progress?.Report(0.2);
        return OrthogonalIteration.Run(tensor, start, options.MaxIterations ?? Sweeps, options.Rest ?? Rest, options, progress, ct);
    }

    private protected override Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors) =>
        new TuckerTensor(shape, factors[0].Values, [.. Reduced(shape, ranks).Select((n, i) => (n, factors[i + 1].Values))]);

    private static IEnumerable<int> Reduced(IReadOnlyList<int> shape, IReadOnlyList<int> ranks) => Enumerable.Range(0, shape.Count).Where(n => ranks[n] < shape[n]);

    // The most of each mode; 0 for one that is not to be reduced.
    private static int[] MostRanks(Tensor tensor, DecompositionOptions options)
    {
        if (options.Modes is not { } modes)
            return options.RanksFor(tensor.Order, "modes");
        if (modes.Count == 0 || modes.Distinct().Count() != modes.Count || modes.Any(n => n < 0 || n >= tensor.Order))
            throw DecompositionOptions.Invalid($"Modes are different numbers from 0 to {tensor.Order - 1}.");
        int[] given = options.RanksFor(modes.Count, "modes"), most = new int[tensor.Order];
        for (int i = 0; i < modes.Count; i++)
            most[modes[i]] = given[i];
        return most;
    }
}
