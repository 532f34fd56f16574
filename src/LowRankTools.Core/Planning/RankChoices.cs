using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>
/// What one layer may become, from the cheapest on: a pair of each allowed rank, and, last, the dense matrix where that is
/// allowed. Ranks are evenly spaced and the discarded energy is a sum of falling terms, so the loss is convex in the
/// rank; <see cref="RankSolver"/> rests on that. The dense choice need not lie on that curve.
/// </summary>
public sealed class RankChoices
{
    private readonly long _firstRank, _stepRank, _perRank;
    private readonly long? _dense;
    private readonly double[] _losses;

    private RankChoices(long firstRank, long stepRank, long perRank, long? dense, double[] losses) =>
        (_firstRank, _stepRank, _perRank, _dense, _losses) = (firstRank, stepRank, perRank, dense, losses);

    /// <summary>Number of choices, the dense one included.</summary>
    public int Count => _losses.Length + (_dense is null ? 0 : 1);

    /// <summary>Number of choices that are pairs.</summary>
    internal int Pairs => _losses.Length;

    /// <summary>The choices of an m x n matrix, pairs below the break-even rank only.</summary>
    /// <param name="m">Rows.</param>
    /// <param name="n">Columns.</param>
    /// <param name="values">Singular values, descending, at most min(m, n) of them; what is missing counts as zero.</param>
    /// <param name="weight">Factor of the layer's discarded energy; 1 / ||W||^2 makes errors relative.</param>
    /// <param name="minRank">Smallest rank of a pair.</param>
    /// <param name="multiple">Ranks are multiples of this.</param>
    /// <param name="allowDense">Whether the layer may stay dense: m n parameters and no loss. It stays so where no pair is allowed.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: a number has no meaning, or the values do not descend.</exception>
    public static RankChoices Create(long m, long n, ReadOnlySpan<double> values, double weight = 1, int minRank = 1, int multiple = 1, bool allowDense = true)
    {
        if (m < 1 || n < 1 || minRank < 1 || multiple < 1 || !(weight >= 0) || !double.IsFinite(weight) || values.Length > Math.Min(m, n))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A layer of {m} x {n}: sizes, ranks and multiples are at least 1, weights are not negative, and there are at most min(m, n) singular values.");
        long first = (minRank + (long)multiple - 1) / multiple * multiple;
        long last = Math.Min(RankBounds.BreakEven(m, n), int.MaxValue);
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
        return new RankChoices(first, multiple, m + n, allowDense || losses.Length == 0 ? checked(m * n) : null, losses);
    }

    /// <summary>Rank of a choice; null for the dense one.</summary>
    public int? Rank(int choice) => choice < _losses.Length ? checked((int)(_firstRank + choice * _stepRank)) : null;

    /// <summary>Parameters of a choice: r (m + n), or m n.</summary>
    public long Cost(int choice) => choice < _losses.Length ? (_firstRank + choice * _stepRank) * _perRank : _dense!.Value;

    /// <summary>Weighted energy that a choice discards.</summary>
    public double Loss(int choice) => choice < _losses.Length ? _losses[choice] : 0;

    /// <summary>Parameters between one rank and the next.</summary>
    internal long Step => _stepRank * _perRank;

    /// <summary>
    /// The choice of least loss + price x cost, the cheapest of equals, known to lie between two choices.
    /// </summary>
    internal int Best(double price, int low, int high)
    {
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
        return high == _losses.Length && price * _dense!.Value < Priced(left, price) ? high : left;
    }

    /// <summary>Loss + price x cost.</summary>
    internal double Priced(int choice, double price) => Loss(choice) + price * Cost(choice);
}
