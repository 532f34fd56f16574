using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Factorizations;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Pivoted;

/// <summary>
/// The pair of a matrix in as few numbers as a matrix of that rank has: r of its rows as they are and all others as combinations of them (PIFA: Zhao, Zhang, Cannistraci,
/// "Pivoting factorization", 2025; an interpolative decomposition of the product, Cheng, Gimbutas, Martinsson, Rokhlin, 2005). Of W' = L R (m x r, r x n) any invertible r x r
/// matrix may go from one factor to the other, and here it is the one that makes an identity of r rows of L: r (m + n - r) numbers and one for each row, in place of
/// r (m + n). So there is no break-even: up to the full rank it has fewer than m n. The product is W' to rounding.
/// </summary>
/// <remarks>Factors: <c>weight.pivots</c> (m), 1 where a row is kept and 0 elsewhere; <c>weight.rows</c> (r x n), those rows in order; <c>weight.others</c> ((m - r) x r), the coefficients of the others.</remarks>
public sealed class PivotedLayer : LayerMethod
{
    /// <inheritdoc/>
    public override string Name => "Pivoted";

    /// <inheritdoc/>
    public override string Description => "A pair in fewer numbers: as many rows as its rank, and the others as combinations of them.";

    /// <inheritdoc/>
    public override bool Takes(IReadOnlyList<int> shape) => shape is [> 1, > 0];

    /// <inheritdoc/>
    public override IReadOnlyList<int> MostRanks(IReadOnlyList<int> shape) => [Math.Min(shape[0] - 1, shape[1])];

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks) =>
        Takes(shape) && ranks is [> 0 and var rank] && rank <= MostRanks(shape)[0]
            ? [new FactorShape("weight.pivots", [shape[0]]), new FactorShape("weight.rows", [rank, shape[1]]), new FactorShape("weight.others", [shape[0] - rank, rank])]
            : throw TensorShapes.Mismatch($"There is no {Name} of {TensorShapes.Text([.. shape])} with rank {string.Join(" x ", ranks)}; it goes up to {(Takes(shape) ? MostRanks(shape)[0] : 0)}.");

    /// <inheritdoc/>
    public override IReadOnlyList<int> RanksWithin(IReadOnlyList<int> shape, double parameters)
    {
        // The number of entries grows with the rank all the way, for it is at most both sides.
        int low = 1, high = MostRanks(shape)[0];
        while (low < high)
        {
            int middle = low + ((high - low + 1) / 2);
            if (Parameters(shape, [middle]) <= parameters * (1 + 1e-12))
                low = middle;
            else
                high = middle - 1;
        }
        return [low];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<int>? RanksFor(Tensor weight, double tolerance, ComputeOptions options, CancellationToken ct = default)
    {
        RequireFinite(weight);
        int[] shape = [.. weight.Shape];
        using LeadingSubspace leading = LeadingSubspace.Of(weight.Matricize(1), tolerance * tolerance * weight.SquaredNorm(), MostRanks(shape)[0], options, ct);
        int rank = leading.Basis.Rows;
        return Parameters(shape, [rank]) < weight.Length && leading.SquaredError <= tolerance * tolerance * weight.SquaredNorm() ? [rank] : null;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<double> AllErrors(Tensor weight, ComputeOptions options, CancellationToken ct = default)
    {
        RequireFinite(weight);
        return LeadingSubspace.Errors(weight.Matricize(1), MostRanks([.. weight.Shape])[0], options, ct);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Factorize(Tensor weight, IReadOnlyList<int> ranks, ComputeOptions options, IProgress<double>? progress = null, CancellationToken ct = default)
    {
        Factors([.. weight.Shape], ranks);
        RequireFinite(weight);
        using LeadingSubspace leading = LeadingSubspace.Of(weight.Matricize(1), null, ranks[0], options, ct);
        // A matrix of smaller rank has fewer vectors; the others stay zeros.
        using Matrix<double> left = new(ranks[0], weight.Shape[0]), right = new(ranks[0], weight.Shape[1]);
        for (int k = 0; k < leading.Basis.Rows; k++)
        {
            leading.Basis.Row(k).CopyTo(left.Row(k));
            leading.Coordinates.Row(k).CopyTo(right.Row(k));
        }
        return FromPair(left.Transposed, right.View, options, ct);
    }

    /// <summary>Writes a pair as rows and combinations of them.</summary>
    /// <param name="left">L, m x r, r below m. Its columns may depend on one another.</param>
    /// <param name="right">R, r x n.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>The factors as <see cref="Factors"/> names them, the caller's.</returns>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public IReadOnlyList<Tensor> FromPair(MatrixView<double> left, MatrixView<double> right, ComputeOptions options, CancellationToken ct = default)
    {
        IReadOnlyList<FactorShape> shapes = Factors([left.Rows, right.Columns], [left.Columns]);
        if (right.Rows != left.Columns)
            throw TensorShapes.Mismatch($"{left.Rows} x {left.Columns} and {right.Rows} x {right.Columns} are no pair.");
        EmbeddedEngine engine = new(options);
        (Matrix<double> qt, Matrix<double> r) = SmallFactorizations.Qr(engine, left, ct);
        r.Dispose();
        using Matrix<double> basis = qt;
        using RowPivots pivots = RowPivots.Find(basis.Transposed, options, ct);
        Tensor[] factors = [.. shapes.Select(s => new Tensor([.. s.Shape]))];
        using Matrix<double> kept = Matrix<double>.Uninitialized(left.Columns, left.Columns);
        int next = 0;
        for (int i = 0; i < left.Rows; i++)
        {
            if (!pivots.IsPivot[i])
                continue;
            factors[0].Values[i] = 1;
            for (int k = 0; k < left.Columns; k++)
                kept[next, k] = left[i, k];
            next++;
        }
        Gemm.Multiply(1, kept.View, right, 0, factors[1].Matricize(1), options, ct);
        pivots.Others.RowBlock(0, pivots.Others.Rows).CopyTo(factors[2].Values);
        return factors;
    }

    /// <inheritdoc/>
    public override Tensor Dense(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<Tensor> factors, ComputeOptions? options = null, CancellationToken ct = default)
    {
        IReadOnlyList<FactorShape> expected = Factors(shape, ranks);
        if (factors.Count != expected.Count || expected.Where((e, k) => !e.Shape.SequenceEqual(factors[k].Shape)).Any())
            throw TensorShapes.Mismatch($"The factors are not those of a {Name} of {TensorShapes.Text([.. shape])}.");
        IReadOnlyList<int> order = PivotOrder.Of(factors[0].Values, ranks[0]);
        using Tensor others = new(shape[0] - ranks[0], shape[1]);
        Gemm.Multiply(1, factors[2].Matricize(1), factors[1].Matricize(1), 0, others.Matricize(1), options, ct);
        Tensor dense = Tensor.Uninitialized(shape[0], shape[1]);
        for (int i = 0; i < shape[0]; i++)
        {
            Tensor from = order[i] < ranks[0] ? factors[1] : others;
            int row = order[i] < ranks[0] ? order[i] : order[i] - ranks[0];
            from.Values.Slice(row * shape[1], shape[1]).CopyTo(dense.Values[(i * shape[1])..]);
        }
        return dense;
    }

    /// <inheritdoc/>
    public override long? MultiplyAdds(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, bool isLookup) => (long)ranks[0] * (shape[0] + shape[1] - ranks[0]);
}
