using LowRankTools.Decompositions.Tensors;

namespace LowRankTools.Decompositions.TensorTrains;

/// <summary>Tensor train by TT-SVD, <see cref="TensorTrain"/>. Takes ranks r_1 to r_(d-1), a tolerance, or both; direct.</summary>
public sealed class TensorTrainMethod : DecompositionMethod
{
    internal const string MethodName = "TensorTrain";

    /// <inheritdoc/>
    public override string Name => MethodName;

    /// <inheritdoc/>
    public override string Description => "A chain of cores of three modes, by TT-SVD: ranks or a tolerance.";

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks)
    {
        if (shape.Count < LeastOrder || ranks.Count != shape.Count - 1 || shape.Concat(ranks).Any(n => n < 1))
            throw NoSuch(shape, ranks);
        int[] all = [1, .. ranks, 1];
        return [.. shape.Select((n, k) => new FactorShape($"core{k}", [all[k], n, all[k + 1]]))];
    }

    private protected override Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct) =>
        TensorTrainSvd.Decompose(tensor, options.Tolerance, options.RanksFor(tensor.Order - 1, "bonds between modes"), options.Compute, progress, ct);

    private protected override Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors) =>
        new TensorTrain([.. factors.Select(f => f.Values)]);
}
