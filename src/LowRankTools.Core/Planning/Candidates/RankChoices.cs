using LowRankTools.Core.Layers;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Planning.Candidates;

/// <summary>
/// What one layer may become, from the cheapest on: a pair of each allowed rank, and, last, the dense matrix where that is
/// allowed. Ranks are evenly spaced and the discarded energy is a sum of falling terms, so the loss is convex in the
/// rank; <see cref="RankSolver"/> rests on that. The dense choice need not lie on that curve.
/// </summary>
public sealed class RankChoices
{
    private readonly long _firstRank, _stepRank;
    private readonly RankCost _cost;
    private readonly bool _dense;
    private readonly double[] _losses;
    private readonly int?[]? _ranks;
    private readonly long[] _costs = [];

    private RankChoices(int?[] ranks, long[] costs, double[] losses) => (_ranks, _costs, _losses) = (ranks, costs, losses);

    private RankChoices(long firstRank, long stepRank, RankCost cost, bool dense, double[] losses) =>
        (_firstRank, _stepRank, _cost, _dense, _losses) = (firstRank, stepRank, cost, dense, losses);

    /// <summary>Number of choices, the dense one included.</summary>
    public int Count => _losses.Length + (_dense ? 1 : 0);

    /// <summary>Number of choices that are pairs.</summary>
    internal int Pairs => _ranks?.Count(r => r is not null) ?? _losses.Length;

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

    /// <summary>Any choices at all: losses need not lie on a convex curve, and a rank may stand more than once, stored in different ways.</summary>
    /// <param name="ranks">Rank of each; null for the dense matrix.</param>
    /// <param name="costs">Costs, ascending.</param>
    /// <param name="losses">Losses, descending.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: there is none, or costs or losses are out of order.</exception>
    public static RankChoices Listed(int?[] ranks, long[] costs, double[] losses)
    {
        bool ordered = ranks.Length > 0 && costs.Length == ranks.Length && losses.Length == ranks.Length && costs[0] >= 0 && losses[^1] >= 0 && double.IsFinite(losses[0]);
        for (int i = 1; ordered && i < ranks.Length; i++)
            ordered = costs[i] > costs[i - 1] && losses[i] < losses[i - 1];
        return ordered ? new RankChoices(ranks, costs, losses) : throw new LowRankToolsException(CoreErrors.OptionInvalid, "The choices of a layer cost ever more and lose ever less, and there is at least one.");
    }

    /// <summary>The one choice of a layer that is decided already.</summary>
    /// <param name="rank">Its rank; null where it stays dense.</param>
    /// <param name="cost">What choices cost.</param>
    /// <param name="loss">Weighted energy that the rank discards.</param>
    public static RankChoices Only(int? rank, RankCost cost, double loss) => new(rank ?? 1, 1, cost, rank is null, rank is null ? [] : [loss]);

    /// <summary>
    /// Choices at any costs, such as chains of convolutions by several methods: those on the lower convex hull of costs and losses, and the dense
    /// one without loss.
    /// </summary>
    /// <param name="points">Number of each choice, which is its <see cref="Rank"/>, at least 1; its cost, below that of the layer as it is; the weighted energy that it discards.</param>
    /// <param name="dense">Cost of the layer left as it is.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: a number has no meaning.</exception>
    public static RankChoices OfPoints(IReadOnlyList<(int Rank, long Cost, double Loss)> points, long dense)
    {
        if (points.Any(p => p.Rank < 1 || p.Cost < 0 || p.Cost >= dense || !(p.Loss >= 0) || !double.IsFinite(p.Loss)))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Choices have numbers from 1, cost less than the layer as it is, and neither costs nor losses are below zero.");
        IReadOnlyList<(int Rank, long Cost, double Loss)> hull = LowerHull.Of(points);
        // What loses nothing is never worse than the layer as it is.
        (int? Rank, long Cost, double Loss)[] choices = [.. hull.Select(p => ((int?)p.Rank, p.Cost, p.Loss)), .. hull.Count > 0 && hull[^1].Loss == 0 ? [] : new[] { ((int?)null, dense, 0.0) }];
        return new RankChoices([.. choices.Select(c => c.Rank)], [.. choices.Select(c => c.Cost)], [.. choices.Select(c => c.Loss)]);
    }

    /// <summary>Rank of a choice; null for the dense one.</summary>
    public int? Rank(int choice) => _ranks is not null ? _ranks[choice] : choice < _losses.Length ? checked((int)(_firstRank + choice * _stepRank)) : null;

    /// <summary>Cost of a choice: parameters, r (m + n) or m n, unless another unit was given.</summary>
    public long Cost(int choice) => _ranks is not null ? _costs[choice] : choice < _losses.Length ? _cost.Pair(_firstRank + choice * _stepRank) : _cost.Dense;

    /// <summary>Weighted energy that a choice discards.</summary>
    public double Loss(int choice) => choice < _losses.Length ? _losses[choice] : 0;

    /// <summary>Cost between one rank and the next.</summary>
    internal long Step => _stepRank * _cost.PerRank;

    /// <summary>Whether losses of pairs are convex in evenly spaced costs, so that the best of them is found by halving.</summary>
    internal bool IsConvex => _ranks is null;

    /// <summary>The largest loss that one unit of cost can spare, from the cheapest choice on.</summary>
    internal double Steepest()
    {
        double steepest = 0;
        for (int next = 1; next < Count; next = IsConvex && next == 1 && Count > 2 ? Count - 1 : IsConvex ? Count : next + 1)
            steepest = Math.Max(steepest, (Loss(0) - Loss(next)) / (Cost(next) - Cost(0)));
        return steepest;
    }

    /// <summary>A number that all differences of costs are multiples of.</summary>
    internal long CommonStep()
    {
        long divisor = IsConvex && Pairs > 1 ? Step : 0;
        for (int i = IsConvex ? Count - 1 : 1; i < Count; i++)
            divisor = Gcd(divisor, Cost(i) - Cost(0));
        return divisor;
    }

    internal static long Gcd(long a, long b)
    {
        while (b != 0)
            (a, b) = (b, a % b);
        return a;
    }

    /// <summary>
    /// The choice of least loss + price x cost, the cheapest of equals, known to lie between two choices.
    /// </summary>
    internal int Best(double price, int low, int high)
    {
        if (!IsConvex)
            return Scan(price, low, high);
        int left = low, right = Math.Min(high, _losses.Length - 1);
        if (right < left)
            return high;
        double step = price * Step;
        while (left < right)
        {
            int middle = (left + right) / 2;
            if (_losses[middle] - _losses[middle + 1] > step)
                left = middle + 1;
            else
                right = middle;
        }
        return high == _losses.Length && price * _cost.Dense < Priced(left, price) ? high : left;
    }

    private int Scan(double price, int low, int high)
    {
        int best = low;
        for (int i = low + 1; i <= high; i++)
        {
            if (Priced(i, price) < Priced(best, price))
                best = i;
        }
        return best;
    }

    /// <summary>Loss + price x cost.</summary>
    internal double Priced(int choice, double price) => Loss(choice) + price * Cost(choice);
}
