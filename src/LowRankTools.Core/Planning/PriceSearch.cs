using LowRankTools.Core.Planning.Candidates;

namespace LowRankTools.Core.Planning;

/// <summary>
/// Finds the price of one parameter at which the layers, each choosing for itself the least loss + price x cost, just keep
/// within the budget. Costs fall as the price rises, so bisection finds it; and a layer's choice between two prices lies
/// between its choices at those, so that each step is cheaper than the one before.
/// </summary>
internal sealed class PriceSearch
{
    // Doubles between two prices run out before this.
    private const int MostSteps = 2200;

    private readonly IReadOnlyList<RankChoices> _layers;
    private readonly int[] _cheap, _dear, _trial;

    public PriceSearch(IReadOnlyList<RankChoices> layers)
    {
        _layers = layers;
        _cheap = new int[layers.Count];
        _dear = [.. layers.Select(l => l.Best(0, 0, l.Count - 1))];
        _trial = new int[layers.Count];
    }

    /// <summary>The choices at the price found: within the budget.</summary>
    public int[] Choices => _cheap;

    /// <summary>The choices at the price just below: those that differ are as good at the price found, and over the budget together.</summary>
    public int[] DearerChoices => _dear;

    /// <summary>The price found; zero where the budget does not bind.</summary>
    public double Price { get; private set; }

    /// <summary>Searches; the cheapest choices are within the budget.</summary>
    public void Run(long budget, CancellationToken cancellationToken)
    {
        if (Cost(_dear) <= budget)
        {
            _dear.CopyTo(_cheap, 0);
            return;
        }
        double low = 0, high = 0;
        for (int i = 0; i < _layers.Count; i++)
            high = Math.Max(high, _layers[i].Steepest());
        high = Math.BitIncrement(high * (1 + 1e-12));
        List<int> open = [.. Enumerable.Range(0, _layers.Count).Where(i => _cheap[i] != _dear[i])];
        long settled = Cost(_cheap);
        foreach (int i in open)
            settled -= _layers[i].Cost(_cheap[i]);
        for (int step = 0; step < MostSteps && open.Count > 0; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            double middle = low + (high - low) / 2;
            if (middle <= low || middle >= high)
                break;
            long cost = settled;
            foreach (int i in open)
            {
                _trial[i] = _layers[i].Best(middle, _cheap[i], _dear[i]);
                cost += _layers[i].Cost(_trial[i]);
            }
            bool fits = cost <= budget;
            foreach (int i in open)
                (fits ? _cheap : _dear)[i] = _trial[i];
            (low, high) = fits ? (low, middle) : (middle, high);
            settled += open.Where(i => _cheap[i] == _dear[i]).Sum(i => _layers[i].Cost(_cheap[i]));
            open.RemoveAll(i => _cheap[i] == _dear[i]);
        }
        Price = high;
    }

    private long Cost(int[] choices)
    {
        long cost = 0;
        for (int i = 0; i < choices.Length; i++)
            cost = checked(cost + _layers[i].Cost(choices[i]));
        return cost;
    }
}
