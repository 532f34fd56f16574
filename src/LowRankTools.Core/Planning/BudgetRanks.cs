using System.Globalization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Planning;

/// <summary>Rules that weigh the layers against each other: the least error within a budget, or the fewest parameters within an error.</summary>
internal sealed class BudgetRanks
{
    private readonly IReadOnlyList<PlanCandidate> _open;
    private readonly PlanOptions _options;
    private readonly RankChoices[] _choices;
    private readonly WeightQuantization?[]?[] _kinds;
    private readonly double _energy;
    private readonly bool _inBytes;

    /// <summary>Prepares.</summary>
    /// <param name="open">Candidates that ranks are to be found for, with values and weights.</param>
    /// <param name="options">Rule and constraints.</param>
    /// <param name="cost">What a layer's choices cost where it is neither parameters nor bytes; null where it is.</param>
    public BudgetRanks(IReadOnlyList<PlanCandidate> open, PlanOptions options, Func<PlanCandidate, RankCost>? cost = null)
    {
        (_open, _options) = (open, options);
        _inBytes = options.Rule is RankRule.ByteBudget;
        _kinds = new WeightQuantization?[options.TradesBits ? open.Count : 0][];
        _choices = [.. open.Select((c, i) => options.TradesBits && c.Options is null ? BitChoices.Of(c, options, out _kinds[i]) : Choices(c, cost?.Invoke(c) ?? Stored(c.Cost)))];
        _energy = open.Sum(c => c.WeightedEnergy);
    }

    /// <summary>Chooses for a budget.</summary>
    /// <param name="other">Cost of what the plan leaves as it is: part of the whole model, and of its budget.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <exception cref="LowRankToolsException"><c>BudgetTooSmall</c>.</exception>
    public ChosenRanks Choose(long other, CancellationToken cancellationToken)
    {
        if (_options.Rule is RankRule.MaxRelativeError(double error))
            return WithinError(error, cancellationToken);
        long budget = Budget(other);
        return Least <= budget ? Within(budget, cancellationToken) : throw TooSmall(Least, other, Dense);
    }

    /// <summary>Most that the candidates together may cost.</summary>
    /// <param name="other">As above.</param>
    public long Budget(long other) => _options.Rule switch
    {
        // The quotient can land a hair under the whole number that it means.
        RankRule.TargetReduction(double factor) => (long)Math.Floor(Dense / factor * (1 + 1e-12)),
        RankRule.ParameterBudget(long parameters) => parameters - other,
        RankRule.ByteBudget(long bytes) => bytes - other,
        _ => throw new InvalidOperationException($"No such rule: {_options.Rule}"),
    };

    private long Dense => _open.Sum(c => c.Cost.DenseParameters);

    /// <summary>Cost of the smallest ranks allowed.</summary>
    public long Least => _choices.Sum(c => c.Cost(0));

    /// <summary>The least error at a cost.</summary>
    public ChosenRanks Within(long budget, CancellationToken cancellationToken)
    {
        RankSolution solution = RankSolver.Solve(_choices, budget, cancellationToken);
        return Chosen(solution, _energy == 0 ? 0 : Math.Sqrt(solution.LowerBound / _energy), solution.IsProvenOptimal);
    }

    /// <summary>The smallest budget whose least error is small enough: the least error falls as the budget grows.</summary>
    private ChosenRanks WithinError(double error, CancellationToken cancellationToken)
    {
        double most = error * error * _energy * (1 + 1e-12);
        long low = Least - 1;
        RankSolution best = RankSolver.Solve(_choices, _choices.Sum(c => Enumerable.Range(0, c.Count).Max(c.Cost)), cancellationToken);
        if (best.Loss > most)
        {
            double reached = Math.Ceiling(Math.Sqrt(best.Loss / _energy) * 1e6) / 1e6;
            throw new LowRankToolsException(CoreErrors.TargetUnreachable, string.Create(CultureInfo.InvariantCulture, $"{_options.Rule}: the ranks in -LayerRank alone cost more."),
                string.Create(CultureInfo.InvariantCulture, $"The smallest error that they leave is {reached}."));
        }
        bool proven = true;
        while (best.Cost - low > 1)
        {
            RankSolution middle = RankSolver.Solve(_choices, low + (best.Cost - low) / 2, cancellationToken);
            if (middle.Loss <= most)
            {
                best = middle;
                continue;
            }
            proven &= middle.IsProvenOptimal || middle.LowerBound > most;
            low += (best.Cost - low) / 2;
        }
        return Chosen(best, null, proven);
    }

    private ChosenRanks Chosen(RankSolution solution, double? lowerBound, bool proven)
    {
        Dictionary<PlanCandidate, (int?, KeepReason)> ranks = [];
        for (int i = 0; i < _open.Count; i++)
        {
            int? rank = _open[i].Take(_choices[i].Rank(solution.Choices[i]));
            ranks[_open[i]] = (rank, rank is not null ? KeepReason.None : _open[i].Override is not null ? KeepReason.ByHand : _choices[i].Pairs > 0 ? KeepReason.Budget : KeepReason.BreakEven);
        }
        return new ChosenRanks(ranks, new PlanProof(lowerBound, proven))
        {
            Kinds = _options.TradesBits ? Enumerable.Range(0, _open.Count).ToDictionary(i => _open[i], i => _kinds[i]?[solution.Choices[i]]) : null,
        };
    }

    private RankCost Stored(LayerCost cost) => _inBytes
        ? new RankCost(cost.Bytes(2) - cost.Bytes(1), 0, cost.DenseType.ByteLength(cost.DenseParameters))
        : RankCost.Parameters(cost.Size.Rows, cost.Size.Columns);

    private RankChoices Choices(PlanCandidate candidate, RankCost costs)
    {
        (long rows, long columns) = candidate.Cost.Size;
        RankCost stays = costs with { Dense = _options.IsAdapter ? 0 : costs.Dense };
        if (candidate is { Override: not null, Options: [var byHand] })
            return RankChoices.Listed([1], [_inBytes ? candidate.Cost.PairType.ByteLength(byHand.Parameters) : byHand.Parameters], [byHand.Error!.Value * byHand.Error.Value * candidate.WeightedEnergy]);
        if (candidate.Override is { } own)
            return RankChoices.Only(own.Rank, stays, candidate.Loss(own.Rank));
        if (candidate.Options is { } options)
            return Kernel(candidate, options);
        if (candidate.FirstOrder is { } changes && candidate.Cost.Pays(_options.FirstRank))
            return FirstOrder(candidate, changes, costs);
        return candidate.Cost.Pays(_options.FirstRank)
            ? RankChoices.Create(rows, columns, candidate.Values, candidate.Weight, _options.MinRank, _options.Multiple, allowDense: !_options.IsAdapter, costs)
            : RankChoices.Only(null, stays, 0);
    }

    /// <summary>Ranks whose change of the loss is less than that of every smaller one: changes need not fall evenly, for directions are dropped in the order of their energy.</summary>
    private RankChoices FirstOrder(PlanCandidate candidate, double[] changes, RankCost costs)
    {
        (long rows, long columns) = candidate.Cost.Size;
        List<(int? Rank, long Cost, double Loss)> choices = [];
        for (int rank = _options.FirstRank; rank <= Math.Min(RankBounds.BreakEven(rows, columns), costs.BreakEven); rank += _options.Multiple)
        {
            if (choices.Count == 0 || changes[rank] < choices[^1].Loss)
                choices.Add((rank, costs.Pair(rank), changes[rank]));
        }
        if (choices[^1].Loss > 0)
            choices.Add((null, costs.Dense, 0));
        return RankChoices.Listed([.. choices.Select(c => c.Rank)], [.. choices.Select(c => c.Cost)], [.. choices.Select(c => c.Loss)]);
    }

    /// <summary>The options on the lower convex hull of their costs and losses, between which a price decides; none that costs no less than the kernel.</summary>
    private RankChoices Kernel(PlanCandidate candidate, IReadOnlyList<LayerOption> options)
    {
        LayerCost cost = candidate.Cost;
        long dense = _inBytes ? cost.DenseType.ByteLength(cost.DenseParameters) : cost.DenseParameters;
        double energy = candidate.WeightedEnergy;
        List<(int Rank, long Cost, double Loss)> points = [];
        for (int i = 0; i < options.Count; i++)
        {
            long own = _inBytes ? cost.PairType.ByteLength(options[i].Parameters) : options[i].Parameters;
            if (own < dense)
                points.Add((i + 1, own, options[i].Error!.Value * options[i].Error!.Value * energy));
        }
        return RankChoices.OfPoints(points, dense);
    }

    private LowRankToolsException TooSmall(long least, long other, long dense)
    {
        string constraint = _open.Any(c => c.Override is not null) ? "-LayerRank and " : "";
        constraint += _options.Multiple > 1 ? $"-MinRank {_options.MinRank} in multiples of {_options.Multiple}" : $"-MinRank {_options.MinRank}";
        string unit = _inBytes ? "bytes" : "parameters";
        string rest = other > 0 && _options.Rule is not RankRule.TargetReduction ? string.Create(CultureInfo.InvariantCulture, $" beside the {other:N0} of what stays as it is") : "";
        string nearest = _options.Rule switch
        {
            RankRule.TargetReduction => Reduction(dense, least) is > 1 and var most
                ? string.Create(CultureInfo.InvariantCulture, $"The most that they allow is -TargetReduction {most}.")
                : "They allow no reduction at all: choose smaller ranks.",
            RankRule.ParameterBudget => string.Create(CultureInfo.InvariantCulture, $"The least that they allow is -ParameterBudget {least + other}."),
            _ => string.Create(CultureInfo.InvariantCulture, $"The least that they allow is -ByteBudget {least + other}."),
        };
        return new LowRankToolsException(CoreErrors.BudgetTooSmall, string.Create(CultureInfo.InvariantCulture, $"{_options.Rule}: {constraint} takes {least:N0} {unit}{rest}, which is more."), nearest);
    }

    /// <summary>The largest factor of three decimals that leaves at least what is needed.</summary>
    private static double Reduction(long dense, long least) => least == 0 ? 1 : Math.Floor((double)dense / least * 1000 * (1 + 1e-12)) / 1000;
}
