using LowRankTools.Core.Planning.Candidates;

namespace LowRankTools.Core.Planning;

/// <summary>
/// Spends what the layers' choices at one price leave of the budget. A choice that is not its layer's best at that price
/// has a penalty, the difference of loss + price x cost; a solution is above the dual bound by the sum of its
/// penalties and price x what it leaves unspent. So only choices whose penalty is below the gap of the best solution
/// known can matter: a dynamic programme over those, the layers with the smallest penalties first, proves the optimum.
/// </summary>
internal sealed class LeftoverSearch
{
    /// <summary>Most states made; past that the best solution known is returned, with its gap to the bound.</summary>
    private const int MostStates = 400_000;

    private readonly IReadOnlyList<RankChoices> _layers;
    private readonly int[] _base, _dearer;
    private readonly double _price;
    private readonly long _slack;
    private readonly List<Change> _changes = [];
    private readonly int _mostOptions;
    private double _gap;
    private bool _complete = true;
    private int _best = -1;

    public LeftoverSearch(IReadOnlyList<RankChoices> layers, PriceSearch prices, long budget)
    {
        (_layers, _base, _dearer, _price) = (layers, prices.Choices, prices.DearerChoices, prices.Price);
        _slack = budget;
        _mostOptions = Math.Max(64, MostStates / Math.Max(1, layers.Count));
        for (int i = 0; i < _base.Length; i++)
            _slack -= layers[i].Cost(_base[i]);
        _gap = _price * _slack;
    }

    /// <summary>The choices found.</summary>
    public int[] Choices
    {
        get
        {
            int[] choices = [.. _base];
            for (int at = _best; at >= 0; at = _changes[at].Before)
                choices[_changes[at].Layer] = _changes[at].Choice;
            return choices;
        }
    }

    /// <summary>Searches.</summary>
    /// <returns>Whether the solution is proven to be the best.</returns>
    public bool Run(CancellationToken cancellationToken)
    {
        if (_gap <= 0)
            return true;
        FillGreedily();
        List<Candidate> candidates = Candidates();
        (long Least, long Most)[] reach = Reach(candidates);
        List<State> states = [new State(0, 0, -1)];
        long made = 0;
        for (int c = 0; c < candidates.Count && candidates[c].Options[0].Penalty < _gap; c++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            List<State> next = [.. states.Where(s => Matters(s.Cost, s.Penalty, reach[c + 1]))];
            foreach (Option option in candidates[c].Options)
            {
                if (option.Penalty >= _gap)
                    break;
                made += states.Count;
                if (made > MostStates)
                    return false;
                foreach (State state in states)
                {
                    long cost = state.Cost + option.Cost;
                    double penalty = state.Penalty + option.Penalty;
                    if (!Matters(cost, penalty, reach[c + 1]))
                        continue;
                    _changes.Add(new Change(state.Last, candidates[c].Layer, option.Choice));
                    next.Add(new State(cost, penalty, _changes.Count - 1));
                    Offer(next[^1]);
                }
            }
            states = Undominated(next);
        }
        return _complete;
    }

    /// <summary>A good solution to begin with makes the gap, and so the search, small.</summary>
    private void FillGreedily()
    {
        // A layer that is indifferent at the price, perhaps between a pair and the dense matrix, steps for next to nothing.
        State state = new(0, 0, -1);
        IEnumerable<(int Layer, Option Next)> steps = Enumerable.Range(0, _base.Length)
            .Where(i => _base[i] + 1 < _layers[i].Count)
            .Select(i => (i, OptionOf(i, _dearer[i] != _base[i] ? _dearer[i] : _base[i] + 1))).OrderBy(s => s.Item2.Penalty / s.Item2.Cost);
        foreach ((int layer, Option option) in steps)
        {
            if (state.Cost + option.Cost > _slack)
                continue;
            _changes.Add(new Change(state.Last, layer, option.Choice));
            state = new State(state.Cost + option.Cost, state.Penalty + option.Penalty, _changes.Count - 1);
            Offer(state);
        }
    }

    private List<Candidate> Candidates()
    {
        List<Candidate> candidates = [];
        for (int i = 0; i < _base.Length; i++)
        {
            if (!_layers[i].IsConvex)
            {
                Option[] all = [.. Enumerable.Range(0, _layers[i].Count).Where(k => k != _base[i]).Select(k => OptionOf(i, k)).Where(o => o.Penalty < _gap).OrderBy(o => o.Penalty)];
                _complete &= all.Length <= _mostOptions;
                if (all.Length > 0)
                    candidates.Add(new Candidate(i, all.Length <= _mostOptions ? all : all[.._mostOptions]));
                continue;
            }
            List<Option> options = [];
            int pairs = _layers[i].Pairs, start = _base[i];
            int peak = start < pairs || pairs == 0 ? start : _layers[i].Best(_price, 0, pairs - 1);
            if (start < pairs && pairs < _layers[i].Count)
                Add(OptionOf(i, pairs));
            // The loss is convex in the rank: penalties of pairs grow away from the best one.
            for (int k = peak == start ? peak - 1 : peak; k >= 0 && k < pairs && Add(OptionOf(i, k)); k--)
            {
            }
            for (int k = peak + 1; k < pairs && Add(OptionOf(i, k)); k++)
            {
            }
            if (options.Count > 0)
                candidates.Add(new Candidate(i, [.. options.OrderBy(o => o.Penalty)]));

            bool Add(Option option)
            {
                if (option.Penalty >= _gap)
                    return false;
                if (options.Count == _mostOptions)
                    return _complete = false;
                options.Add(option);
                return true;
            }
        }
        return [.. candidates.OrderBy(c => c.Options[0].Penalty)];
    }

    /// <summary>How far the candidates from each on can lower and raise the cost.</summary>
    private static (long Least, long Most)[] Reach(List<Candidate> candidates)
    {
        (long Least, long Most)[] reach = new (long, long)[candidates.Count + 1];
        for (int c = candidates.Count - 1; c >= 0; c--)
            reach[c] = (reach[c + 1].Least + Math.Min(0, candidates[c].Options.Min(o => o.Cost)), reach[c + 1].Most + Math.Max(0, candidates[c].Options.Max(o => o.Cost)));
        return reach;
    }

    private bool Matters(long cost, double penalty, (long Least, long Most) reach) =>
        penalty + _price * Math.Max(0, _slack - cost - reach.Most) < _gap && cost + reach.Least <= _slack;

    private void Offer(State state)
    {
        if (state.Cost > _slack || state.Penalty + _price * (_slack - state.Cost) is var gap && gap >= _gap)
            return;
        (_gap, _best) = (gap, state.Last);
    }

    /// <summary>A state that costs no less and loses no less than another leads to nothing better.</summary>
    private List<State> Undominated(List<State> states)
    {
        states.Sort((a, b) => a.Cost != b.Cost ? a.Cost.CompareTo(b.Cost) : a.Penalty.CompareTo(b.Penalty));
        List<State> kept = [];
        double least = double.PositiveInfinity;
        foreach (State state in states)
        {
            double loss = state.Penalty - _price * state.Cost;
            if (loss >= least)
                continue;
            least = loss;
            kept.Add(state);
        }
        return kept;
    }

    private Option OptionOf(int layer, int choice)
    {
        long cost = _layers[layer].Cost(choice) - _layers[layer].Cost(_base[layer]);
        double penalty = _layers[layer].Loss(choice) - _layers[layer].Loss(_base[layer]) + _price * cost;
        return new Option(choice, cost, Math.Max(0, penalty));
    }

    private readonly record struct Option(int Choice, long Cost, double Penalty);

    private sealed record Candidate(int Layer, Option[] Options);

    private readonly record struct State(long Cost, double Penalty, int Last);

    private readonly record struct Change(int Before, int Layer, int Choice);
}
