using System.Numerics;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>
/// What one layer may become, from the cheapest on: a pair of each allowed rank, and, last, the dense matrix where that is
/// allowed. Ranks are evenly spaced and the discarded energy is a sum of falling terms, so the loss is convex in the
/// rank; <see cref="RankSolver"/> rests on that. The dense choice need not lie on that curve.
/// </summary>
public sealed class RankChoices
{
    private readonly long _firstRank, _stepRank;
    private readonly IReadOnlyList<(int Rank, long Cost, double Loss)>? _points;
    private readonly RankCost _cost;
    private readonly bool _dense;
    private readonly double[] _losses;

    private RankChoices(long firstRank, long stepRank, RankCost cost, bool dense, double[] losses, IReadOnlyList<(int Rank, long Cost, double Loss)>? points = null) =>
        (_firstRank, _stepRank, _cost, _dense, _losses, _points) = (firstRank, stepRank, cost, dense, losses, points);

    /// <summary>Number of choices, the dense one included.</summary>
    public int Count => _losses.Length + (_dense ? 1 : 0);

    /// <summary>Number of choices that are pairs.</summary>
    internal int Pairs => _losses.Length;

    /// <summary>The choices of an m x n matrix, pairs that have fewer parameters and cost less than the dense matrix only.</summary>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns.</param>
    /// <param name="values">Singular values, descending, at most min(m, n) of them; what is missing counts as zero.</param>
    /// <param name="weight">Factor of the layer's discarded energy; 1 / ||W||^2 makes errors relative.</param>
    /// <param name="minRank">Smallest rank of a pair.</param>
    /// <param name="multiple">Ranks are multiples of this.</param>
    /// <param name="allowDense">Whether the layer may stay dense without loss. It stays so where no pair is allowed.</param>
    /// <param name="cost">What choices cost; null for parameters.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: a number has no meaning, or the values do not descend.</exception>
    public static RankChoices Create(long m, long n, ReadOnlySpan<double> values, double weight = 1, int minRank = 1, int multiple = 1, bool allowDense = true, RankCost? cost = null)
    {
        if (m < 1 || n < 1 || minRank < 1 || multiple < 1 || !(weight >= 0) || !double.IsFinite(weight) || values.Length > Math.Min(m, n))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A layer of {m} x {n}: sizes, ranks and multiples are at least 1, weights are not negative, and there are at most min(m, n) singular values.");
        RankCost costs = cost ?? RankCost.Parameters(m, n);
        if (costs.PerRank < 1 || costs.Fixed < 0)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A layer of {m} x {n}: one rank more costs at least 1, and nothing costs less than nothing.");
        long first = (minRank + (long)multiple - 1) / multiple * multiple;
        long last = Math.Min(Math.Min(RankBounds.BreakEven(m, n), costs.BreakEven), int.MaxValue);
        double[] losses = new double[last < first ? 0 : (int)((last - first) / multiple + 1)];
        double tail = 0, above = 0;
        // From the smallest value on, so that small terms are not lost in large ones.
        for (long k = values.Length - 1; k >= 0; k--)
        {
            if (k + 1 >= first && k + 1 <= last && (k + 1 - first) % multiple == 0)
                losses[(k + 1 - first) / multiple] = tail;
            if (!(values[(int)k] >= above) || !double.IsFinite(values[(int)k]))
                throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A layer of {m} x {n}: its singular values do not descend from finite numbers to zero.");
            above = values[(int)k];
            tail += weight * above * above;
        }
        return new RankChoices(first, multiple, costs, allowDense || losses.Length == 0, losses);
    }

    /// <summary>The one choice of a layer that is decided already.</summary>
    /// <param name="rank">Its rank; null where it stays dense.</param>
    /// <param name="cost">What choices cost.</param>
    /// <param name="loss">Weighted energy that the rank discards.</param>
    public static RankChoices Only(int? rank, RankCost cost, double loss) => new(rank ?? 1, 1, cost, rank is null, rank is null ? [] : [loss]);

    /// <summary>
    /// Choices at any costs, such as chains of convolutions by several methods: those on the lower convex hull of costs and losses, so that
    /// the loss is convex in the cost here too, and the dense one without loss.
    /// </summary>
    /// <param name="points">Number of each choice, which is its <see cref="Rank"/>, at least 1; its cost; the weighted energy that it discards.</param>
    /// <param name="dense">Cost of the layer left as it is.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: a number has no meaning.</exception>
    public static RankChoices OfPoints(IReadOnlyList<(int Rank, long Cost, double Loss)> points, long dense)
    {
        if (points.Any(p => p.Rank < 1 || p.Cost < 0 || !(p.Loss >= 0) || !double.IsFinite(p.Loss)))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Choices have numbers from 1, and neither costs nor losses below zero.");
        IReadOnlyList<(int Rank, long Cost, double Loss)> hull = LowerHull.Of(points);
        return new RankChoices(1, 1, new RankCost(1, 0, dense), dense: true, [.. hull.Select(p => p.Loss)], hull);
    }

    /// <summary>Rank of a choice; null for the dense one.</summary>
    public int? Rank(int choice) => choice < _losses.Length && _points is not null ? _points[choice].Rank : choice < _losses.Length ? checked((int)(_firstRank + choice * _stepRank)) : null;

    /// <summary>Cost of a choice: parameters, r (m + n) or m n, unless another unit was given.</summary>
    public long Cost(int choice) => choice < _losses.Length && _points is not null ? _points[choice].Cost : choice < _losses.Length ? _cost.Pair(_firstRank + choice * _stepRank) : _cost.Dense;

    /// <summary>Weighted energy that a choice discards.</summary>
    public double Loss(int choice) => choice < _losses.Length ? _losses[choice] : 0;

    /// <summary>A number that all costs of pairs are a whole number of times apart.</summary>
    internal long Step => _points is null ? _stepRank * _cost.PerRank
        : Enumerable.Range(1, Math.Max(0, _points.Count - 1)).Aggregate(0L, (step, i) => (long)BigInteger.GreatestCommonDivisor(step, _points[i].Cost - _points[i - 1].Cost));

    /// <summary>
    /// The choice of least loss + price x cost, the cheapest of equals, known to lie between two choices.
    /// </summary>
    internal int Best(double price, int low, int high)
    {
        int left = low, right = Math.Min(high, _losses.Length - 1);
        if (right < left)
            return high;
        double step = _points is null ? price * Step : 0;
        while (left < right)
        {
            int middle = (left + right) / 2;
            if (_losses[middle] - _losses[middle + 1] > (_points is null ? step : price * (_points[middle + 1].Cost - _points[middle].Cost)))
                left = middle + 1;
            else
                right = middle;
        }
        return high == _losses.Length && price * _cost.Dense < Priced(left, price) ? high : left;
    }

    /// <summary>Loss + price x cost.</summary>
    internal double Priced(int choice, double price) => Loss(choice) + price * Cost(choice);
}
