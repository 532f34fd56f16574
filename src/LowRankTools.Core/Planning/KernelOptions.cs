using LowRankTools.Decompositions;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>
/// What the kernels of a model may become under a plan's rule: by each method that is asked for the ranks that the rule says, or, where a
/// budget is shared out, those of a grid of shares of the kernel's parameters.
/// </summary>
internal sealed class KernelOptions(Model model, PlanOptions options)
{
    // Twentieths up to a half, where most budgets lie, then tenths.
    private static readonly double[] s_grid = [0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9];

    private readonly ComputeOptions _compute = new() { ThreadCount = options.Svd.ThreadCount, Seed = options.Svd.Seed };

    /// <summary>Whether kernels must be read: for errors, or for ranks that depend on them.</summary>
    private bool ReadsValues => options.PredictErrors || options.Method == FactorMethod.Auto || options.Rule is not (RankRule.Fixed or RankRule.KeepRatio);

    /// <summary>Finds the options of kernels.</summary>
    /// <param name="kernels">Candidates that are kernels.</param>
    /// <param name="progress">Told about every kernel.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too.</param>
    public void Find(IReadOnlyList<PlanCandidate> kernels, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        for (int i = 0; i < kernels.Count; i++)
        {
            PlanCandidate candidate = kernels[i];
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Planning convolutions", candidate.Name, i, kernels.Count));
            if (!ReadsValues)
                candidate.Options = [.. Methods(candidate).SelectMany(m => Ranks(candidate, m, null, cancellationToken).Select(r => Option(candidate, m, r, null)))];
            else
                WeightMatrix.Named(model, candidate.Layer!, () => Read(candidate, cancellationToken));
        }
    }

    private bool Read(PlanCandidate candidate, CancellationToken cancellationToken)
    {
        using Tensor kernel = ConvolutionKernel.Read(model.File, candidate.Layer!.Tensor, cancellationToken);
        double energy = kernel.SquaredNorm();
        candidate.KernelEnergy = energy;
        candidate.Weight = options.Weighting == Weighting.Absolute ? 1 : energy == 0 ? 0 : 1 / energy;
        List<KernelOption> found = [];
        foreach (ConvolutionMethod method in Methods(candidate))
        {
            IReadOnlyList<IReadOnlyList<int>> ranks = [.. Ranks(candidate, method, kernel, cancellationToken)];
            // All errors of a matrix come from one decomposition.
            double[]? errors = method is MatrixConvolution matrix && ranks.Count > 0 ? matrix.Errors(kernel, _compute, cancellationToken) : null;
            foreach (IReadOnlyList<int> r in ranks)
                found.Add(Option(candidate, method, r, errors is not null ? errors[r[0] - 1] : Error(kernel, method, r, cancellationToken)));
        }
        candidate.Options = found;
        return true;
    }

    private IEnumerable<ConvolutionMethod> Methods(PlanCandidate candidate) => options.Method == FactorMethod.Auto
        ? ConvolutionMethods.All.Where(m => m.Takes(candidate.Cost.Kernel!.Value))
        : [ConvolutionMethods.For(options.Method!.Value.ToString(), candidate.Cost.Kernel!.Value)];

    private IEnumerable<IReadOnlyList<int>> Ranks(PlanCandidate candidate, ConvolutionMethod method, Tensor? kernel, CancellationToken cancellationToken)
    {
        KernelShape shape = candidate.Cost.Kernel!.Value;
        IReadOnlyList<int>?[] ranks = options.Rule switch
        {
            // One rank means different things to different methods: Auto compares them at what the pair of that rank costs.
            RankRule.Fixed(int rank) => [options.Method == FactorMethod.Auto ? method.RanksWithin(shape, PairOf(shape, rank)) : method.RanksOf(shape, rank)],
            RankRule.KeepRatio(double ratio) => [method.RanksWithin(shape, ratio * shape.Length)],
            RankRule.Energy(double share) => [method.RanksFor(kernel!, Math.Sqrt(1 - share), _compute, cancellationToken)],
            _ => [.. s_grid.Select(share => method.RanksWithin(shape, share * shape.Length)).DistinctBy(r => string.Join(',', r))],
        };
        return ranks.OfType<IReadOnlyList<int>>().Select(r => Rounded(r, method.MostRanks(shape))).Where(r => method.Parameters(shape, r) < shape.Length);
    }

    /// <summary>Multiples, as far as a kernel has them: down where a number of parameters is kept, up where an error is.</summary>
    private IReadOnlyList<int> Rounded(IReadOnlyList<int> ranks, IReadOnlyList<int> most) =>
    [
        .. ranks.Select((rank, i) =>
        {
            long multiple = options.Multiple, whole = (options.Rule is RankRule.Energy ? rank + multiple - 1 : rank) / multiple * multiple;
            return (int)Math.Min(most[i], Math.Max(whole, options.FirstRank));
        }),
    ];

    private static long PairOf(KernelShape shape, int rank)
    {
        ConvolutionMethod pair = ConvolutionMethods.Find(FactorChoice.Pair);
        return pair.Parameters(shape, pair.RanksOf(shape, rank));
    }

    private static KernelOption Option(PlanCandidate candidate, ConvolutionMethod method, IReadOnlyList<int> ranks, double? error) =>
        new(FactorChoice.Of(method.Name, ranks), method.Parameters(candidate.Cost.Kernel!.Value, ranks), error);

    private double Error(Tensor kernel, ConvolutionMethod method, IReadOnlyList<int> ranks, CancellationToken cancellationToken)
    {
        using ConvolutionChain chain = method.Decompose(kernel, ranks, _compute, null, cancellationToken);
        return chain.ErrorAgainst(kernel, _compute, cancellationToken);
    }
}
