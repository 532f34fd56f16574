using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Pivoted;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Formats;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Planning.Candidates;

/// <summary>
/// What kernels, and matrices that may become more than pairs, may become under a plan's rule: by each method that is asked for the ranks
/// that the rule says, or, where a budget is shared out, those of a grid of shares of the weight's parameters.
/// </summary>
internal sealed class LayerOptions(Model model, PlanOptions options, ModelFormat format)
{
    // Twentieths up to a half, where most budgets lie, then tenths.
    private static readonly double[] s_grid = [0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9];

    private readonly ComputeOptions _compute = new() { ThreadCount = options.Svd.ThreadCount, Seed = options.Svd.Seed };

    private bool IsAuto => options.Method == FactorMethod.Auto;

    /// <summary>Whether weights must be read: for errors, or for ranks that depend on them.</summary>
    private bool ReadsValues => options.PredictErrors || IsAuto || options.Rule is not (RankRule.Fixed or RankRule.KeepRatio);

    /// <summary>Finds the options of candidates; those that can become nothing but pairs are left as they are.</summary>
    /// <param name="candidates">Candidates that are open.</param>
    /// <param name="progress">Told about every one.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too.</param>
    public void Find(IReadOnlyList<PlanCandidate> candidates, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        (PlanCandidate Candidate, Way[] Ways)[] chosen = [.. candidates.Select(c => (c, Ways(c))).Where(c => c.Item2.Length > 0)];
        for (int i = 0; i < chosen.Length; i++)
        {
            (PlanCandidate candidate, Way[] ways) = chosen[i];
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress(candidate.Cost.Kernel is null ? "Planning matrices" : "Planning convolutions", candidate.Name, i, chosen.Length));
            if (!ReadsValues)
                candidate.Options = [.. ways.SelectMany(w => Ranks(w, candidate, null, cancellationToken).Select(r => Option(w, r, null)))];
            else
                LayerMathematics.Named(model, candidate.Layer!, () => Read(candidate, ways, cancellationToken));
        }
    }

    private bool Read(PlanCandidate candidate, Way[] ways, CancellationToken cancellationToken)
    {
        using Tensor weight = LayerWeight.Read(model.File, candidate.Layer!, cancellationToken);
        double energy = weight.SquaredNorm();
        List<LayerOption> found = [];
        foreach (Way way in ways)
        {
            using Tensor own = weight.Copy([.. way.Shape]);
            IReadOnlyList<IReadOnlyList<int>> ranks = [.. Ranks(way, candidate, own, cancellationToken)];
            IReadOnlyList<double>? errors = ranks.Count > 0 ? way.Method.AllErrors(own, _compute, cancellationToken) : null;
            foreach (IReadOnlyList<int> r in ranks)
                found.Add(Option(way, r, errors is not null ? errors[r[0] - 1] : Error(own, way.Method, r, cancellationToken)));
        }
        // Where no other method ever beats the pair, the pairs of all ranks go into the solver as they do without a method.
        if (candidate.Cost.Kernel is null && IsAuto && !options.Rule.IsPerLayer && !Beats(found))
            return false;
        candidate.Energy = energy;
        candidate.Weight = options.Weighting == Weighting.Absolute ? 1 : energy == 0 ? 0 : 1 / energy;
        candidate.Options = found;
        return true;
    }

    private static bool Beats(List<LayerOption> found) =>
        LowerHull.Of(found.Select((o, i) => (i, o.Parameters, o.Error!.Value * o.Error.Value))).Any(p => found[p.Rank].Choice.Method != FactorChoice.Pair);

    /// <summary>Methods for a candidate: none for a matrix that becomes a pair, or whose rank was given by hand.</summary>
    private Way[] Ways(PlanCandidate candidate)
    {
        // Pivoted pairs lose what pairs lose: their options follow from the values that are read for these.
        if (options.Method is not { } asked || asked == FactorMethod.Pivoted || candidate.Cost.Weight is not { } shape)
            return [];
        bool matrix = candidate.Cost.Kernel is null;
        // In a graph, where cores are many nodes, Auto takes pairs.
        // By hand Auto's matrices become pairs; the one rank of a method that was named is that of all its bonds.
        if (matrix && (candidate.Override is { } own && (IsAuto || own.Rank is null) || options.Quantize.Count > 0 || IsAuto && options.Measured is not null))
            return [];
        IEnumerable<LayerMethod> methods = IsAuto
            ? LayerMethods.All.Where(m => m is not PivotedLayer && m.Takes(shape) && OutputTypes.Holds(format, m) && (!matrix || !format.IsGraph()))
            : LayerMethods.Find(asked.ToString()) is var named && named.Takes(shape) ? [named] : matrix ? [] : [ConvolutionMethods.All[0]];
        Way[] ways = [.. methods.Select(m => new Way(candidate.Cost.Own(m.SplitBy(shape, options.Splits)), shape))];
        // The pair of a matrix has the numbers of that of a 1 x 1 kernel.
        return matrix && IsAuto && ways.Length > 0 ? [new Way(LayerMethods.Find(FactorChoice.Pair), [.. shape, 1, 1]), .. ways] : ways;
    }

    private IEnumerable<IReadOnlyList<int>> Ranks(Way way, PlanCandidate candidate, Tensor? weight, CancellationToken cancellationToken)
    {
        (LayerMethod method, IReadOnlyList<int> shape) = way;
        if (candidate.Override?.Rank is { } byHand)
            return [method.RanksOf(shape, byHand)];
        bool pairOfMatrix = shape is [_, _, 1, 1] or [_, _, 1] && IsAuto && method.Name == FactorChoice.Pair;
        IReadOnlyList<int>?[] ranks = options.Rule switch
        {
            // One rank means different things to different methods: Auto compares them at what the pair of that rank costs.
            RankRule.Fixed(int rank) => [IsAuto ? method.RanksWithin(shape, PairOf(shape, rank)) : method.RanksOf(shape, rank)],
            RankRule.KeepRatio(double ratio) => [method.RanksWithin(shape, ratio * way.Length)],
            RankRule.Energy(double share) => [method.RanksFor(weight!, Math.Sqrt(1 - share), _compute, cancellationToken)],
            _ when pairOfMatrix => [.. Enumerable.Range(1, (int)RankBounds.BreakEven(shape[0], shape[1])).Select(r => new[] { r })],
            _ => [.. s_grid.Select(share => method.RanksWithin(shape, share * way.Length))],
        };
        IReadOnlyList<int> most = method.MostRanks(shape);
        return ranks.OfType<IReadOnlyList<int>>().Select(r => Rounded(r, most)).DistinctBy(r => string.Join(',', r)).Where(r => method.Parameters(shape, r) < way.Length);
    }

    /// <summary>Multiples, as far as a weight has them: down where a number of parameters is kept, up where an error is.</summary>
    private IReadOnlyList<int> Rounded(IReadOnlyList<int> ranks, IReadOnlyList<int> most) =>
    [
        .. ranks.Select((rank, i) =>
        {
            long multiple = options.Multiple, whole = (options.Rule is RankRule.Energy ? rank + multiple - 1 : rank) / multiple * multiple;
            return (int)Math.Min(most[i], Math.Max(whole, options.FirstRank));
        }),
    ];

    private static long PairOf(IReadOnlyList<int> shape, int rank)
    {
        LayerMethod pair = LayerMethods.Find(FactorChoice.Pair);
        int[] kernel = [.. shape, .. Enumerable.Repeat(1, 4 - shape.Count)];
        return pair.Parameters(kernel, pair.RanksOf(kernel, rank));
    }

    private static LayerOption Option(Way way, IReadOnlyList<int> ranks, double? error) =>
        new(FactorChoice.Of(way.Method.Name, ranks), way.Method.Parameters(way.Shape, ranks), error);

    private double Error(Tensor weight, LayerMethod method, IReadOnlyList<int> ranks, CancellationToken cancellationToken)
    {
        IReadOnlyList<Tensor> factors = method.Factorize(weight, ranks, _compute, null, cancellationToken);
        try
        {
            return method.ErrorAgainst(weight, ranks, factors, _compute, cancellationToken);
        }
        finally
        {
            foreach (Tensor factor in factors)
                factor.Dispose();
        }
    }

    /// <summary>A method and the shape that it takes the weight in.</summary>
    private sealed record Way(LayerMethod Method, IReadOnlyList<int> Shape)
    {
        public long Length => Shape.Aggregate(1L, (product, size) => product * size);
    }
}
