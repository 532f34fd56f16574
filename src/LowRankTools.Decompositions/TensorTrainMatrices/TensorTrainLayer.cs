using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.TensorTrainMatrices;

/// <summary>
/// The matrix of a linear layer or the table of an embedding as a <see cref="TensorTrainMatrix"/> (Novikov, Podoprikhin, Osokin, Vetrov,
/// "Tensorizing neural networks", 2015), by TT-SVD: cores <c>weight.core0</c>, <c>weight.core1</c>, ... of (r_(k-1), m_k, n_k, r_k), rows by m
/// and columns by n. The sides are split evenly unless modes were given; given ones are part of the name, <c>TensorTrain(4x8x8x4, 4x8x8x4)</c>.
/// </summary>
public sealed class TensorTrainLayer : LayerMethod
{
    private const string Bare = "TensorTrain";

    private readonly int[]? _rows, _columns;

    /// <summary>The method with sides split evenly.</summary>
    public TensorTrainLayer()
    {
    }

    /// <summary>The method with modes of one's own.</summary>
    /// <param name="rows">Modes of the rows, two to ten.</param>
    /// <param name="columns">As many of the columns.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public TensorTrainLayer(IReadOnlyList<int> rows, IReadOnlyList<int> columns)
    {
        if (rows.Count != columns.Count || !ModeSplit.IsValid(rows) || !ModeSplit.IsValid(columns))
            throw DecompositionOptions.Invalid($"{Text(rows)} and {Text(columns)} are no modes of a matrix.", $"Rows and columns have as many modes as each other, 2 to {ModeSplit.MostModes}.");
        (_rows, _columns) = ([.. rows], [.. columns]);
    }

    /// <inheritdoc/>
    public override string Name => _rows is null ? Bare : $"{Bare}({Text(_rows)}, {Text(_columns!)})";

    /// <inheritdoc/>
    public override string Description => "A matrix whose rows and columns are counted by digits, as a chain of cores.";

    /// <inheritdoc/>
    public override bool Takes(IReadOnlyList<int> shape) =>
        shape is [> 0 and var rows, > 0 and var columns] && (_rows is null || ModeSplit.Product(_rows) == rows && ModeSplit.Product(_columns!) == columns);

    /// <inheritdoc/>
    public override IReadOnlyList<int> MostRanks(IReadOnlyList<int> shape)
    {
        (int[] rows, int[] columns) = Modes(shape);
        long[] sizes = [.. rows.Select((m, k) => (long)m * columns[k])];
        return [.. Enumerable.Range(1, sizes.Length - 1).Select(k => (int)Math.Min(int.MaxValue, Math.Min(ModeSplit.Product(sizes[..k]), ModeSplit.Product(sizes[k..]))))];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks)
    {
        IReadOnlyList<int> most = MostRanks(shape);
        if (ranks.Count != most.Count || ranks.Where((r, i) => r < 1 || r > most[i]).Any())
            throw TensorShapes.Mismatch($"There is no {Name} of {TensorShapes.Text([.. shape])} with ranks {Text(ranks)}; they go up to {Text(most)}.");
        (int[] rows, int[] columns) = Modes(shape);
        int[] all = [1, .. ranks, 1];
        return [.. rows.Select((m, k) => new FactorShape(FormattableString.Invariant($"weight.core{k}"), [all[k], m, columns[k], all[k + 1]]))];
    }

    /// <summary>One number for all ranks, none above its own most, and one more where that still fits, the middle ones first.</summary>
    /// <inheritdoc/>
    public override IReadOnlyList<int> RanksWithin(IReadOnlyList<int> shape, double parameters)
    {
        IReadOnlyList<int> most = MostRanks(shape);
        int low = 1, high = most.Max();
        while (low < high)
        {
            int middle = low + ((high - low + 1) / 2);
            if (Parameters(shape, RanksOf(shape, middle)) <= parameters * (1 + 1e-12))
                low = middle;
            else
                high = middle - 1;
        }
        int[] ranks = [.. RanksOf(shape, low)];
        foreach (int k in Enumerable.Range(0, ranks.Length).OrderByDescending(k => most[k]))
        {
            int[] more = [.. ranks];
            more[k] = Math.Min(most[k], ranks[k] + 1);
            if (Parameters(shape, more) <= parameters)
                ranks = more;
        }
        return ranks;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<int>? RanksFor(Tensor weight, double tolerance, ComputeOptions options, CancellationToken ct = default)
    {
        RequireFinite(weight);
        using TensorTrainMatrix train = Train(weight, tolerance, [.. MostRanks([.. weight.Shape])], options, null, ct);
        return train.ParameterCount < weight.Length ? train.Ranks : null;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Factorize(Tensor weight, IReadOnlyList<int> ranks, ComputeOptions options, IProgress<double>? progress = null, CancellationToken ct = default)
    {
        IReadOnlyList<FactorShape> shapes = Factors([.. weight.Shape], ranks);
        RequireFinite(weight);
        using TensorTrainMatrix train = Train(weight, null, [.. ranks], options, progress, ct);
        return [.. train.Cores.Select((core, k) => Padded(core, shapes[k].Shape))];
    }

    /// <inheritdoc/>
    public override Tensor Dense(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<Tensor> factors, ComputeOptions? options = null, CancellationToken ct = default)
    {
        IReadOnlyList<FactorShape> expected = Factors(shape, ranks);
        if (factors.Count != expected.Count || expected.Where((e, k) => !e.Shape.SequenceEqual(factors[k].Shape)).Any())
            throw TensorShapes.Mismatch($"The factors are not those of a {Name} of {TensorShapes.Text([.. shape])}.");
        using TensorTrainMatrix train = new(shape, ranks, [.. factors.Select((f, k) => new NamedFactor(expected[k].Name, f.Copy()))]);
        return train.ToDense(options, ct);
    }

    /// <summary>Core after core, from the side where it takes fewer; of a row that is looked up, from the left.</summary>
    /// <inheritdoc/>
    public override long? MultiplyAdds(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, bool isLookup)
    {
        int[][] cores = [.. Factors(shape, ranks).Select(f => f.Shape.ToArray())];
        long fromLeft = 0, fromRight = 0, lookup = 0, before = 1;
        for (int k = 0; k < cores.Length; k++)
        {
            long entries = cores[k].Aggregate(1L, (n, s) => n * s);
            fromLeft += entries * cores[..k].Aggregate(1L, (n, c) => n * c[1]) * cores[(k + 1)..].Aggregate(1L, (n, c) => n * c[2]);
            fromRight += entries * cores[..k].Aggregate(1L, (n, c) => n * c[2]) * cores[(k + 1)..].Aggregate(1L, (n, c) => n * c[1]);
            lookup += k == 0 ? 0 : before * cores[k][0] * cores[k][2] * cores[k][3];
            before *= cores[k][2];
        }
        return isLookup ? lookup : Math.Min(fromLeft, fromRight);
    }

    /// <inheritdoc/>
    public override LayerMethod SplitBy(IReadOnlyList<int> shape, IReadOnlyList<IReadOnlyList<int>> splits)
    {
        IReadOnlyList<int>[] rows = [.. splits.Where(s => ModeSplit.Product(s) == shape[0])], columns = [.. splits.Where(s => ModeSplit.Product(s) == shape[1])];
        if (rows.SelectMany(r => columns.Where(c => c.Count == r.Count), (r, c) => (r, c)).FirstOrDefault() is ({ } both, { } other))
            return new TensorTrainLayer(both, other);
        return rows.Length > 0 ? new TensorTrainLayer(rows[0], ModeSplit.Of(shape[1], rows[0].Count))
            : columns.Length > 0 ? new TensorTrainLayer(ModeSplit.Of(shape[0], columns[0].Count), columns[0]) : this;
    }

    internal override LayerMethod? Named(string name)
    {
        if (name == Bare)
            return new TensorTrainLayer();
        if (!name.StartsWith(Bare + "(", StringComparison.Ordinal) || !name.EndsWith(')') || name[(Bare.Length + 1)..^1].Split(", ") is not [var rows, var columns])
            return null;
        return ModeSplit.Parse(rows) is { } m && ModeSplit.Parse(columns) is { } n && m.Length == n.Length ? new TensorTrainLayer(m, n) : null;
    }

    private TensorTrainMatrix Train(Tensor weight, double? tolerance, int[] most, ComputeOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        (int[] rows, int[] columns) = Modes([.. weight.Shape]);
        return TensorTrainMatrix.Near(weight, rows, columns, tolerance, most, options, progress, ct);
    }

    private (int[] Rows, int[] Columns) Modes(IReadOnlyList<int> shape)
    {
        if (!Takes(shape))
            throw TensorShapes.Mismatch($"{Name} is not for {TensorShapes.Text([.. shape])}.");
        int digits = ModeSplit.DigitsOf(Math.Min(shape[0], shape[1]));
        return _rows is null ? (ModeSplit.Of(shape[0], digits), ModeSplit.Of(shape[1], digits)) : (_rows, _columns!);
    }

    // A matrix of smaller ranks has smaller cores; what is missing is zeros.
    private static Tensor Padded(Tensor core, IReadOnlyList<int> shape)
    {
        Tensor padded = new([.. shape]);
        int from = core.Shape[3], to = shape[3], rows = core.Length / from;
        for (int row = 0; row < rows; row++)
            core.Values.Slice(row * from, from).CopyTo(padded.Values.Slice(row * to, from));
        return padded;
    }

    private static string Text(IReadOnlyList<int> sizes) => string.Join('x', sizes);
}
