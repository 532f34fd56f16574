using LowRankTools.Decompositions.Randomized;
using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Pca;

/// <summary>
/// Principal component analysis of a matrix whose rows are samples, <see cref="PrincipalComponents"/>: at a rank by a sketch with power iterations, as
/// PyTorch's <c>pca_lowrank</c>, and to a tolerance, or at a rank of half the smaller side and more, exactly.
/// </summary>
public sealed class PcaMethod : DecompositionMethod
{
    internal const string MethodName = "Pca";

    /// <inheritdoc/>
    public override string Name => MethodName;

    /// <inheritdoc/>
    public override string Description => "Principal components of the rows of a matrix about their mean, by a random sketch: one rank, a tolerance, or both.";

    /// <inheritdoc/>
    public override int MostOrder => 2;

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks)
    {
        if (shape.Count != 2 || ranks.Count != 1 || ranks[0] < 1 || ranks[0] > Math.Min(shape[0], shape[1]))
            throw NoSuch(shape, ranks);
        return [new FactorShape("mean", [shape[1]]), new FactorShape("scores", [shape[0], ranks[0]]), new FactorShape("components", [ranks[0], shape[1]])];
    }

    private protected override Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        int most = options.RanksFor(1, "sets of components")[0];
        double[] mean = Mean(tensor);
        using Matrix<double> centred = tensor.AsMatrix(tensor.Shape[0], tensor.Shape[1]).ToMatrix();
        for (int i = 0; i < centred.Rows; i++)
        {
            Span<double> row = centred.Row(i);
            for (int j = 0; j < row.Length; j++)
                row[j] -= mean[j];
        }
        double norm = tensor.SquaredNorm();
        // Coordinates of the rows in few directions: the scores are those of the transpose.
        (Matrix<double> basis, Matrix<double> coordinates) = options.Tolerance is { } tolerance
            ? Exact(centred.Transposed, tolerance * tolerance * norm * (1 - 1e-7), most, options.Compute, ct)
            : 2 * (long)most >= Math.Min(centred.Rows, centred.Columns) ? Exact(centred.Transposed, null, most, options.Compute, ct)
            : SketchedSubspace.Of(centred.Transposed, most, options.Compute, ct);
        using (basis)
        using (coordinates)
        {
            PrincipalComponents pca = new(tensor.Shape, [basis.Rows], [new NamedFactor("mean", Tensor.From(mean, mean.Length)),
                new NamedFactor("scores", Tensor.From(coordinates.Transposed, coordinates.Columns, coordinates.Rows)), new NamedFactor("components", Tensor.From(basis.View, basis.Rows, basis.Columns))]);
            pca.RelativeError = pca.ErrorAgainst(tensor, options.Compute, ct);
            return pca;
        }
    }

    private protected override Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors) => new PrincipalComponents(shape, ranks, factors);

    private static (Matrix<double> Basis, Matrix<double> Coordinates) Exact(MatrixView<double> a, double? allowed, int most, ComputeOptions options, CancellationToken ct)
    {
        using LeadingSubspace leading = LeadingSubspace.Of(a, allowed, Math.Min(most, Math.Min(a.Rows, a.Columns)), options, ct);
        return (leading.Basis.Copy(), leading.Coordinates.Copy());
    }

    private static double[] Mean(Tensor tensor)
    {
        double[] mean = new double[tensor.Shape[1]];
        for (int i = 0; i < tensor.Shape[0]; i++)
        {
            ReadOnlySpan<double> row = tensor.Values.Slice(i * mean.Length, mean.Length);
            for (int j = 0; j < mean.Length; j++)
                mean[j] += row[j] / tensor.Shape[0];
        }
        return mean;
    }
}
