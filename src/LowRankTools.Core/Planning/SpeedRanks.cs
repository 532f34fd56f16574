using System.Globalization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Planning;

/// <summary>
/// Ranks of least error at which the chosen layers together are some times faster, by times that are measured here and now.
/// A pair's time is taken as linear in its rank, fitted to the measured curve, so that the search over ranks is the exact one; the
/// result is then held against the curve itself, and the budget tightened until that agrees.
/// </summary>
internal sealed class SpeedRanks
{
    /// <summary>Costs are whole numbers of these a second.</summary>
    private const double Unit = 1e12;

    private const int MostTightenings = 20;

    private readonly IReadOnlyList<PlanCandidate> _open;
    private readonly PlanOptions _options;
    private readonly RankRule.TargetSpeedup _rule;
    private readonly Dictionary<PlanCandidate, (LayerTimeCurve Curve, int Uses)> _times = [];

    /// <summary>Measures every shape once.</summary>
    /// <param name="open">Candidates that ranks are to be found for, with values and weights.</param>
    /// <param name="uses">How many layers share a candidate's storage, itself included: each of them takes its time.</param>
    /// <param name="options">Constraints.</param>
    /// <param name="rule">What is asked for.</param>
    /// <param name="measure">What a shape costs, dense and as pairs.</param>
    /// <param name="progress">Told about every layer.</param>
    /// <param name="cancellationToken">Stops between and inside products.</param>
    public SpeedRanks(IReadOnlyList<PlanCandidate> open, Func<PlanCandidate, int> uses, PlanOptions options, RankRule.TargetSpeedup rule, Func<MatrixShape, CancellationToken, LayerTimeCurve> measure,
        IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        (_open, _options, _rule) = (open, options, rule);
        foreach (PlanCandidate candidate in open)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Timing", candidate.Name, _times.Count, open.Count));
            (long rows, long columns) = candidate.Cost.Size;
            _times[candidate] = (measure(new MatrixShape(checked((int)rows), checked((int)columns)), cancellationToken), uses(candidate));
        }
    }

    /// <summary>Chooses.</summary>
    /// <exception cref="LowRankToolsException"><c>TargetUnreachable</c>.</exception>
    public ChosenRanks Choose(CancellationToken cancellationToken)
    {
        double dense = _open.Sum(c => Seconds(c, null));
        BudgetRanks ranks = new(_open, _options, Fit);
        ChosenRanks? chosen = null;
        double budget = dense / _rule.Factor;
        for (int i = 0; i < MostTightenings && budget * Unit >= ranks.Least; i++)
        {
            chosen = ranks.Within((long)(budget * Unit), cancellationToken);
            double seconds = Total(chosen);
            if (seconds <= dense / _rule.Factor)
                return chosen with { Proof = new PlanProof(null, false, seconds == 0 ? null : dense / seconds) };
            budget -= (seconds - dense / _rule.Factor) * (1 + 1e-6);
        }
        double fastest = dense / Total(ranks.Within(ranks.Least, cancellationToken));
        throw new LowRankToolsException(CoreErrors.TargetUnreachable,
            string.Create(CultureInfo.InvariantCulture, $"{_rule}: the smallest ranks allowed, -MinRank {_options.MinRank}, were {fastest:F2} times as fast as the dense layers."),
            fastest > 1.01 ? string.Create(CultureInfo.InvariantCulture, $"Ask for less than -TargetSpeedup {fastest:F2}, or allow smaller ranks.") : "Measure-LayerSpeed shows what each layer takes.");
    }

    private double Total(ChosenRanks chosen) => _open.Sum(c => Seconds(c, chosen.Ranks[c].Rank));

    private double Seconds(PlanCandidate candidate, int? rank)
    {
        (LayerTimeCurve curve, int uses) = _times[candidate];
        return uses * (rank is { } r ? curve.PairSeconds(r) : curve.DenseSeconds);
    }

    /// <summary>The straight line through a curve's measured ranks in the sense of least squares; neither its start nor its slope is negative.</summary>
    private RankCost Fit(PlanCandidate candidate)
    {
        (LayerTimeCurve curve, int uses) = _times[candidate];
        (double X, double Y)[] points = [.. curve.Pairs.Select(p => ((double)p.Rank, curve.PairSeconds(p.Rank)))];
        double meanX = points.Average(p => p.X), meanY = points.Average(p => p.Y), spread = points.Sum(p => (p.X - meanX) * (p.X - meanX));
        double slope = spread == 0 ? 0 : Math.Max(0, points.Sum(p => (p.X - meanX) * (p.Y - meanY)) / spread);
        double start = meanY - slope * meanX;
        if (start < 0)
            (slope, start) = (points.Sum(p => p.X * p.Y) / points.Sum(p => p.X * p.X), 0);
        return new RankCost(Math.Max(1, (long)(uses * slope * Unit)), (long)(uses * start * Unit), (long)(uses * curve.DenseSeconds * Unit));
    }
}
