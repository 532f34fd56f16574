using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Spectra;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Figures;

/// <summary>Error against kept parameters: pairs of the same share in every layer, and the best choice between every rank and dense.</summary>
internal static class KeptFigure
{
    private const int Steps = 50;

    public static Figure Build(LayerSpectrum[] spectra, RankPlan[] plans)
    {
        Layer[] layers = [.. spectra.Select(Layer.Of)];
        (double Kept, double Error)[] even = [.. Enumerable.Range(1, Steps).Select(i => Even(layers, i / (double)Steps))];
        (double Kept, double Error)[] best = Best(layers);
        RankPlan[] marked = [.. plans.Where(p => p.RelativeError is not null)];
        List<FigureSeries> series =
        [
            new("the same share in every layer", SeriesKind.Line, [.. even.Select(p => p.Kept)], [.. even.Select(p => p.Error)]),
            new("ranks where they pay most, or dense", SeriesKind.Line, [.. best.Select(p => p.Kept)], [.. best.Select(p => p.Error)]),
        ];
        if (marked.Length > 0)
            series.Add(new FigureSeries("plans", SeriesKind.Points, [.. marked.Select(p => p.KeptRatio)], [.. marked.Select(p => p.RelativeError!.Value)]) { Labels = [.. marked.Select(p => p.Rule)], ShowLabels = true });
        return new Figure
        {
            Title = $"Error against kept share{(spectra.Length > 0 && spectra.All(s => s.Model == spectra[0].Model) ? $": {spectra[0].Model}" : "")}",
            Protocol = $"Of {FigureText.Plural(spectra.Length, "layer")}, by their singular values: the root of the mean over layers of ||W - W'||^2 / ||W||^2 of the best pairs (Eckart and Young, 1936), against the parameters of the pairs over those of the layers. One curve has a pair in every layer, the other leaves layers dense where that pays more; plans may weigh layers otherwise.",
            X = new FigureAxis("kept share of the parameters") { Format = AxisFormat.Percent },
            Y = new FigureAxis("relative error"),
            Series = series,
            Table = FigureTable.Of(["Curve", ">Kept", ">Error"],
                [.. even.Where((_, i) => i % 5 == 4).Select(p => Row("the same share", p)), .. best.Where((_, i) => i % 10 == 9).Select(p => Row("where they pay most, or dense", p)), .. marked.Select(p => Row(p.Rule, (p.KeptRatio, p.RelativeError!.Value)))]),
        };
    }

    private static string[] Row(string curve, (double Kept, double Error) point) => [curve, FigureText.Percent(point.Kept), FigureText.Number(point.Error)];

    private static (double, double) Even(Layer[] layers, double share) => Point(layers, layers.Select(l => (int)Math.Max(1, Math.Floor(share * l.Dense / l.PairCost))));

    /// <summary>
    /// Steps on the lower convex hulls of the layers' choices, every rank and dense, in the order of the squared error that each takes away for a
    /// parameter: the least error at each of the costs passed (Fox, 1966).
    /// </summary>
    private static (double, double)[] Best(Layer[] layers)
    {
        (double Cost, double Loss)[][] hulls = [.. layers.Select(l => l.Hull())];
        (double Cost, double Gain)[] steps = [.. hulls.SelectMany(h => h.Zip(h.Skip(1), (p, q) => (Cost: q.Cost - p.Cost, Gain: p.Loss - q.Loss))).OrderByDescending(s => s.Gain / s.Cost)];
        // Every hull ends at a loss of nothing, so what is still lost is what the steps to come take away: added from the end, for small losses to keep their digits.
        double[] left = new double[steps.Length + 1];
        for (int i = steps.Length - 1; i >= 0; i--)
            left[i] = left[i + 1] + steps[i].Gain;
        double total = layers.Sum(l => l.Dense), cost = hulls.Sum(h => h[0].Cost), next = 1.0 / (2 * Steps);
        List<(double, double)> points = [Here(0)];
        for (int i = 0; i < steps.Length; i++)
        {
            cost += steps[i].Cost;
            if (cost / total < next && i < steps.Length - 1)
                continue;
            points.Add(Here(i + 1));
            while (next <= cost / total)
                next += 1.0 / (2 * Steps);
        }
        return [.. points];

        (double, double) Here(int taken) => layers.Length == 0 ? (0, 0) : (cost / total, Math.Sqrt(left[taken] / layers.Length));
    }

    private static (double, double) Point(Layer[] layers, IEnumerable<int> ranks)
    {
        double cost = 0, lost = 0;
        foreach ((Layer layer, int rank) in layers.Zip(ranks))
        {
            cost += (double)rank * layer.PairCost;
            double error = SpectrumMeasures.RelativeError(layer.Values, Math.Min(rank, layer.Values.Length));
            lost += error * error;
        }
        return layers.Length == 0 ? (0, 0) : (cost / layers.Sum(l => l.Dense), Math.Sqrt(lost / layers.Length));
    }

    private sealed record Layer(double[] Values, double Dense, long PairCost, int BreakEven)
    {
        public static Layer Of(LayerSpectrum s)
        {
            (long rows, long columns) = s.Size;
            if (s.SingularValues.Count != Math.Min(rows, columns))
                throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{s.Name}: the spectrum lists {s.SingularValues.Count} of its singular values.", "Measure spectra without -Top.");
            return new Layer([.. s.SingularValues], (double)rows * columns, rows + columns, (int)s.BreakEvenRank);
        }

        /// <summary>The choices that a budget of parameters may take: a pair of a rank from 1, or the dense layer, which loses nothing.</summary>
        public (double Cost, double Loss)[] Hull()
        {
            double squared = SpectrumMeasures.SquaredNorm(Values), left = squared;
            List<(int Rank, long Cost, double Loss)> choices = [(0, (long)Dense, 0)];
            for (int rank = 1; rank <= Math.Min(BreakEven, Values.Length); rank++)
            {
                left -= Values[rank - 1] * Values[rank - 1];
                choices.Add((rank, rank * PairCost, squared == 0 ? 0 : Math.Max(0, left / squared)));
            }
            return [.. LowerHull.Of(choices).Select(c => ((double)c.Cost, c.Loss))];
        }
    }
}
