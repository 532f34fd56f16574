using LowRankTools.Decompositions.Tensors;

namespace LowRankTools.Decompositions.Cp;

/// <summary>
/// What the methods share that find a <see cref="CpTensor"/>: they take the rank R, and as many starts as are to be tried. There is no
/// tolerance, because the best decomposition of a rank cannot be had for certain, and may not exist.
/// </summary>
public abstract class CpMethodBase : DecompositionMethod
{
    private const int Sweeps = 500;
    private const double Rest = 1e-8;

    private protected CpMethodBase()
    {
    }

    private protected abstract bool NonNegative { get; }

    private protected override bool TakesMissing => true;

    /// <inheritdoc/>
    public override void Check(DecompositionOptions options)
    {
        base.Check(options);
        if (options.Ranks is not { Count: 1 } || options.Tolerance is not null)
            throw DecompositionOptions.Invalid($"{Name} takes one rank and no tolerance.", "Give a rank; the error that it reaches is in the result.");
    }

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks)
    {
        if (shape.Count < LeastOrder || ranks.Count != 1 || ranks[0] < 1 || shape.Any(n => n < 1))
            throw NoSuch(shape, ranks);
        return [new FactorShape("weights", [ranks[0]]), .. shape.Select((size, n) => new FactorShape($"factor{n}", [size, ranks[0]]))];
    }

    /// <inheritdoc/>
    public override bool MayBeSmaller(IReadOnlyList<int> shape, DecompositionOptions options) =>
        Factors(shape, options.Ranks!).Sum(f => (double)f.Length) < shape.Aggregate(1.0, (product, size) => product * size);

    private protected override Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        CpTensor? best = null;
        for (int start = 0; start < options.Starts; start++)
        {
            int number = start;
            CpTensor found = One(tensor, options, start, progress is null ? null : part => progress.Report((number + part) / options.Starts), ct);
            (CpTensor? worse, best) = best is null || found.RelativeError < best.RelativeError ? (best, found) : (found, best);
            worse?.Dispose();
        }
        return best!;
    }

    private protected override Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors) =>
        new CpTensor(Name, shape, factors[0].Values, [.. factors.Skip(1).Select(f => f.Values)]);

    private CpTensor One(Tensor tensor, DecompositionOptions options, int start, Action<double>? progress, CancellationToken ct)
    {
        if (options.MissingAsNaN && MissingEntries.Of(tensor) is { } missing)
            return Known(tensor, missing, options, start, progress, ct);
        AlternatingLeastSquares squares = new(tensor, NonNegative, options.Compute, ct);
        using CpFactors factors = squares.Run(CpStart.Of(tensor, options.Ranks![0], start, NonNegative, options.Compute, ct), options.MaxIterations ?? Sweeps, options.Rest ?? Rest, progress);
        CpTensor cp = CpOrder.Ordered(Name, tensor.Shape, factors.Matrices, squares.Errors, squares.Converged);
        cp.RelativeError = cp.ErrorAgainst(tensor, options.Compute, ct);
        return cp;
    }

    private CpTensor Known(Tensor tensor, MissingEntries missing, DecompositionOptions options, int start, Action<double>? progress, CancellationToken ct)
    {
        using ImputedLeastSquares squares = new(tensor, missing, NonNegative, options.Compute, ct);
        using CpFactors factors = squares.Run(CpStart.Of(squares.Filled, options.Ranks![0], start, NonNegative, options.Compute, ct), options.MaxIterations ?? Sweeps, options.Rest ?? Rest, progress);
        CpTensor cp = CpOrder.Ordered(Name, tensor.Shape, factors.Matrices, squares.Errors, squares.Converged);
        using Tensor dense = cp.ToDense(options.Compute, ct);
        cp.RelativeError = missing.Error(tensor, dense);
        return cp;
    }
}
