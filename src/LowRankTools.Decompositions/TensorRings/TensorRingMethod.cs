using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.TensorTrains;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.TensorRings;

/// <summary>
/// Tensor ring by TR-SVD, <see cref="TensorRing"/>: the first unfolding is truncated and its rank split in two, one half goes round to the
/// last mode, and TT-SVD does the rest; as there the squared errors of the steps add up, and the tolerance is kept. Takes ranks r_0 to
/// r_(d-1), a tolerance, or both.
/// </summary>
public sealed class TensorRingMethod : DecompositionMethod
{
    internal const string MethodName = "TensorRing";

    // A remainder that may be lost whole keeps one component of next to nothing all the same.
    private const double MostTolerance = 1 - 1e-9;

    /// <inheritdoc/>
    public override string Name => MethodName;

    /// <inheritdoc/>
    public override string Description => "A closed chain of cores of three modes, by TR-SVD: ranks or a tolerance.";

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks)
    {
        if (shape.Count < LeastOrder || ranks.Count != shape.Count || shape.Concat(ranks).Any(n => n < 1))
            throw NoSuch(shape, ranks);
        int[] all = [.. ranks, ranks[0]];
        return [.. shape.Select((n, k) => new FactorShape($"core{k}", [all[k], n, all[k + 1]]))];
    }

    private protected override Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        int[] most = options.RanksFor(tensor.Order, "bonds of the ring"), shape = [.. tensor.Shape];
        double norm = tensor.SquaredNorm();
        ErrorBudget budget = new(options.Tolerance, norm, tensor.Order - 1);
        (LeadingSubspace opened, int first, int second) = Open(tensor, budget.Share, most[0], most[1], options.Compute, ct);
        using LeadingSubspace step = opened;
        budget.Spend(step.SquaredError);
        // Of (r_0 r_1, n_2 ... n_d) r_1 stays in front, and r_0 goes behind the last mode.
        int rest = step.Coordinates.Columns;
        using Tensor coordinates = Tensor.From(step.Coordinates.View, first * second, rest);
        using Tensor turned = TensorTranspose.Of(coordinates, [first, second, rest], [1, 2, 0], [second * shape[1], .. shape[2..], first]);
        using Tensor basis = Tensor.From(step.Basis.View, first, second, shape[0]);
        NamedFactor opening = new("core0", TensorTranspose.Of(basis, basis.Shape, [0, 2, 1], [first, shape[0], second]));
        // What is left is a train whose last mode carries r_0: of two modes it is a core already.
        double? left = options.Tolerance is null || norm == 0 ? options.Tolerance : Math.Sqrt(Math.Max(0, budget.Left) / Math.Max(turned.SquaredNorm(), double.Epsilon));
        List<NamedFactor> factors = [opening, .. Rest(turned, shape, first, second, left is { } t ? Math.Min(t, MostTolerance) : null, most[2..], options.Compute, progress, ct)];
        TensorRing ring = new(shape, [.. factors.Select(f => f.Values.Shape[0])], factors);
        ring.RelativeError = ring.ErrorAgainst(tensor, options.Compute, ct);
        return ring;
    }

    private protected override Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors) =>
        new TensorRing(shape, ranks, factors);

    private static (LeadingSubspace Step, int First, int Second) Open(Tensor tensor, double? allowed, int mostFirst, int mostSecond, ComputeOptions options, CancellationToken ct)
    {
        MatrixView<double> unfolded = tensor.Matricize(1);
        int available = unfolded.SmallerSide;
        if (allowed is not null)
        {
            LeadingSubspace least = LeadingSubspace.Of(unfolded, allowed, available, options, ct);
            (int first, int second) = RingSplit.Even(least.Basis.Rows);
            if (first <= mostFirst && second <= mostSecond)
                return (least, first, second);
            available = least.Basis.Rows;
            least.Dispose();
        }
        (int a, int b) = RingSplit.Largest(available, mostFirst, mostSecond);
        return (LeadingSubspace.Of(unfolded, null, a * b, options, ct), a, b);
    }

    private static List<NamedFactor> Rest(Tensor turned, int[] shape, int first, int second, double? tolerance, int[] most, ComputeOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        if (shape.Length == 2)
            return [new NamedFactor("core1", turned.Copy(second, shape[1], first))];
        // The last mode and r_0 together end the train.
        using Tensor ended = turned.Copy([second * shape[1], .. shape[2..^1], shape[^1] * first]);
        using TensorTrain train = TensorTrainSvd.Decompose(ended, tolerance, most, options, progress, ct);
        return
        [
            .. train.Cores.Select((core, k) => new NamedFactor($"core{k + 1}", k == 0 ? core.Copy(second, shape[1], core.Shape[2])
                : k == shape.Length - 2 ? core.Copy(core.Shape[0], shape[^1], first) : core.Copy())),
        ];
    }
}
