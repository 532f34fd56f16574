using LowRankTools.Decompositions.Tensors;

namespace LowRankTools.Decompositions.TensorTrainMatrices;

/// <summary>
/// TT-matrix by TT-SVD, <see cref="TensorTrainMatrix"/>, of matrices alone. Takes ranks r_1 to r_(d-1), a tolerance, or both; several ranks
/// say d, one or none leave it to the size: two digits a side from 16, three from 64, four from 256.
/// </summary>
public sealed class TensorTrainMatrixMethod : DecompositionMethod
{
    internal const string MethodName = "TensorTrainMatrix";

    /// <inheritdoc/>
    public override string Name => MethodName;

    /// <inheritdoc/>
    public override string Description => "A matrix whose rows and columns are counted by digits, as a chain of cores: ranks or a tolerance.";

    /// <inheritdoc/>
    public override int MostOrder => 2;

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks)
    {
        if (shape.Count != 2 || ranks.Count == 0 || shape.Concat(ranks).Any(n => n < 1))
            throw NoSuch(shape, ranks);
        int[] all = [1, .. ranks, 1], rows = ModeSplit.Of(shape[0], ranks.Count + 1), columns = ModeSplit.Of(shape[1], ranks.Count + 1);
        return [.. rows.Select((m, k) => new FactorShape($"core{k}", [all[k], m, columns[k], all[k + 1]]))];
    }

    private protected override Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        int digits = options.Ranks is { Count: > 1 } ranks ? ranks.Count + 1 : ModeSplit.DigitsOf(Math.Min(tensor.Shape[0], tensor.Shape[1]));
        int[] rows = ModeSplit.Of(tensor.Shape[0], digits), columns = ModeSplit.Of(tensor.Shape[1], digits), most = options.RanksFor(digits - 1, "bonds between digits");
        return TensorTrainMatrix.Near(tensor, rows, columns, options.Tolerance, most, options.Compute, progress, ct);
    }

    private protected override Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors) =>
        new TensorTrainMatrix(shape, ranks, factors);
}
