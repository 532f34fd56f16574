using System.Diagnostics;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;

namespace LowRankTools.Core.Planning.Measured;

/// <summary>
/// Ranks by what the whole model does with them. The sum of the layers' losses is a proxy: it knows nothing of what later layers make of
/// an error. Here every layer is given a little less and a little more, the model is run, and the layer's weight in that sum becomes what
/// was measured; the exact search for the new sum, all the way or part of it, and single exchanges between two layers are the
/// next trials. Only what the model did better with is kept. Layers that become more than pairs go from option to option, those that a price decides between.
/// </summary>
/// <param name="open">Layers that ranks are found for, with values and weights.</param>
/// <param name="options">Constraints, number of trials.</param>
/// <param name="budget">Most that all layers together cost, in the rule's unit.</param>
/// <param name="solve">The best ranks for the candidates' weights, by the sum of their losses.</param>
internal sealed class MeasuredRanks(IReadOnlyList<PlanCandidate> open, PlanOptions options, long budget, Func<ChosenRanks> solve)
{
    // Shares of a layer's rank that it is given less and more: large ones reach far, small ones are told apart from what layers do to each other.
    private const double FirstStep = 0.16, LastStep = 0.02;

    // A layer whose errors seem to help on this text is not for that reason worth nothing.
    private const double LeastChange = 0.05;

    private const int MostPartners = 3;

    private static readonly double[] s_ways = [1, 0.5, 0.25];

    private readonly Dictionary<PlanCandidate, double> _given = open.ToDictionary(c => c, c => c.Weight);
    private readonly int[][] _ladders = [.. open.Select(c => c.Options is null ? [] : c.Ladder)];
    private readonly Dictionary<string, double> _known = new(StringComparer.Ordinal);
    private Func<int?[], double> _run = _ => double.PositiveInfinity;
    private int?[] _best = [];
    private double _least;
    private int _trials;

    /// <summary>Searches.</summary>
    /// <param name="network">Runs the model at some ranks.</param>
    /// <param name="start">The ranks of least sum.</param>
    /// <param name="progress">Told about every trial.</param>
    /// <param name="cancellationToken">Stops between and inside trials.</param>
    public (ChosenRanks Ranks, PlanMeasurement Protocol) Run(TrialNetwork network, ChosenRanks start, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        ModelQuality? first = null;
        _run = ranks =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            string reached = first is null ? "" : FormattableString.Invariant($", {network.Measure} {QualityMeasures.OfLoss(_least, network.Measure):F4}");
            progress?.Report(new OperationProgress("Measuring", $"trial {_trials}{reached}", _trials, options.Measured!.Trials));
            ModelQuality quality = network.Run(open.Select((layer, i) => (layer, ranks[i])), cancellationToken);
            first ??= quality;
            return QualityMeasures.Loss(QualityMeasures.Figure(quality, network.Measure), network.Measure);
        };
        _best = Numbers(start);
        _least = Try(_best);
        Search();
        Dictionary<PlanCandidate, (int?, KeepReason)> ranks = open.Select((c, i) => (Layer: c, Rank: _best[i])).ToDictionary(c => c.Layer,
            c => (c.Layer.Take(c.Rank), c.Rank is not null ? KeepReason.None : start.Ranks[c.Layer].Rank is null ? start.Ranks[c.Layer].Reason : KeepReason.Budget));
        return (new ChosenRanks(ranks, start.Proof with { IsOptimal = false }), new PlanMeasurement
        {
            Measure = network.Measure,
            Before = QualityMeasures.Figure(first!, network.Measure),
            After = QualityMeasures.OfLoss(_least, network.Measure),
            Text = first!.Text,
            Lines = first.Lines,
            Tokens = first.Tokens,
            Trials = _trials,
            Seconds = clock.Elapsed.TotalSeconds,
        });
    }

    private bool IsExhausted => _trials >= options.Measured!.Trials;

    private void Search()
    {
        double[] weights = [.. open.Select(c => c.Weight)];
        for (double step = FirstStep; step >= LastStep && !IsExhausted;)
        {
            Probe?[] probes = [.. Enumerable.Range(0, open.Count).Select(i => Look(i, step))];
            if (!Reweigh(weights, probes) && !Exchange(probes))
                step /= 2;
        }
    }

    /// <summary>What the model loses where a layer has a little less and a little more; null where its rank is not to be moved.</summary>
    private Probe? Look(int layer, double step)
    {
        PlanCandidate candidate = open[layer];
        if (candidate.Override is not null || _best[layer] is not { } rank || IsExhausted)
            return null;
        (int less, int more) = candidate.Options is null ? Ranks(candidate, rank, step) : Steps(layer, rank, step);
        return less == more ? null : new Probe(less, more, Try(With(layer, less)), Try(With(layer, more)));
    }

    private (int Less, int More) Ranks(PlanCandidate candidate, int rank, double step)
    {
        int move = Math.Max(1, (int)(step * rank / options.Multiple)) * options.Multiple;
        return (rank - move >= options.FirstRank ? rank - move : rank, candidate.Cost.Pays(rank + move) ? rank + move : rank);
    }

    private (int Less, int More) Steps(int layer, int number, double step)
    {
        int[] ladder = _ladders[layer];
        int at = Rung(layer, number), move = Math.Max(1, (int)(step * ladder.Length));
        return (ladder[Math.Max(0, at - move)], ladder[Math.Min(ladder.Length - 1, at + move)]);
    }

    // The last one that costs no more: the option itself, or the one before it where a budget in another unit had it between two.
    private int Rung(int layer, int number) => Math.Max(0, Array.FindLastIndex(_ladders[layer], n => Cost(layer, n) <= Cost(layer, number)));

    /// <summary>The next that a layer may have more of; null where there is none.</summary>
    private int? Next(int layer, int number)
    {
        if (open[layer].Options is null)
            return open[layer].Cost.Pays(number + options.Multiple) ? number + options.Multiple : null;
        int next = Rung(layer, number) + 1;
        return next < _ladders[layer].Length ? _ladders[layer][next] : null;
    }

    /// <summary>The exact search with weights that were measured.</summary>
    private bool Reweigh(double[] weights, Probe?[] probes)
    {
        double[] change = new double[open.Count];
        for (int i = 0; i < change.Length; i++)
        {
            if (probes[i] is { } p && double.IsFinite(p.LossLess) && double.IsFinite(p.LossMore))
                change[i] = (p.LossLess - p.LossMore) / (weights[i] * (open[i].Discarded(p.Less) - open[i].Discarded(p.More)));
        }
        double[] seen = [.. change.Where(c => c > 0 && double.IsFinite(c)).Order()];
        if (seen.Length == 0)
            return false;
        double middle = seen[seen.Length / 2];
        double[] factors = [.. change.Select((c, i) => probes[i] is null || !double.IsFinite(c) ? 1 : Math.Clamp(c / middle, LeastChange, 1 / LeastChange))];
        foreach (double way in s_ways)
        {
            double[] tried = [.. weights.Select((w, i) => w * Math.Pow(factors[i], way))];
            if (!Keep(Solve(tried)))
                continue;
            tried.CopyTo(weights, 0);
            return true;
        }
        return false;
    }

    private int?[] Solve(double[] weights)
    {
        try
        {
            for (int i = 0; i < weights.Length; i++)
                open[i].Weight = weights[i];
            return Numbers(solve());
        }
        finally
        {
            foreach ((PlanCandidate candidate, double weight) in _given)
                candidate.Weight = weight;
        }
    }

    /// <summary>One layer gives what another one gets, those first that lose the least and gain the most for a parameter.</summary>
    private bool Exchange(Probe?[] probes)
    {
        int[] moved = [.. Enumerable.Range(0, open.Count).Where(i => probes[i] is not null)];
        int[] givers = [.. moved.Where(i => probes[i]!.Less < _best[i]).OrderBy(i => (probes[i]!.LossLess - _least) / (Cost(i, _best[i]) - Cost(i, probes[i]!.Less)))];
        int[] takers = [.. moved.Where(i => probes[i]!.More > _best[i]).OrderBy(i => (probes[i]!.LossMore - _least) / (Cost(i, probes[i]!.More) - Cost(i, _best[i])))];
        foreach (int giver in givers.Take(MostPartners))
        {
            foreach (int taker in takers.Where(t => t != giver).Take(MostPartners))
            {
                int?[] ranks = With(giver, probes[giver]!.Less);
                long left = budget - ranks.Select((r, i) => i == taker ? 0 : Cost(i, r)).Sum();
                while (Next(taker, ranks[taker]!.Value) is { } next && Cost(taker, next) <= left)
                    ranks[taker] = next;
                if (Keep(ranks))
                    return true;
            }
        }
        return false;
    }

    private bool Keep(int?[] ranks)
    {
        double loss = Try(ranks);
        if (!(loss < _least))
            return false;
        (_best, _least) = (ranks, loss);
        return true;
    }

    private double Try(int?[] ranks)
    {
        string key = string.Join(',', ranks);
        if (_known.TryGetValue(key, out double known))
            return known;
        if (IsExhausted)
            return double.PositiveInfinity;
        _trials++;
        return _known[key] = _run(ranks);
    }

    private int?[] With(int layer, int rank)
    {
        int?[] ranks = [.. _best];
        ranks[layer] = rank;
        return ranks;
    }

    private long Cost(int layer, int? rank) => open[layer].CostOf(rank, inBytes: options.Rule is RankRule.ByteBudget);

    // Right after a solution was chosen.
    private int?[] Numbers(ChosenRanks chosen) => [.. open.Select(c => c.TakenNumber(chosen.Ranks[c].Rank))];

    /// <summary>A layer's rank a little lower and a little higher, and what the model loses there.</summary>
    private sealed record Probe(int Less, int More, double LossLess, double LossMore);
}
