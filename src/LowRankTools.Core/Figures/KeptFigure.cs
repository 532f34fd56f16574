using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>Error against kept parameters: the same share in every layer, and ranks where they pay most.</summary>
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
            new("ranks where they pay most", SeriesKind.Line, [.. best.Select(p => p.Kept)], [.. best.Select(p => p.Error)]),
        ];
        if (marked.Length > 0)
            series.Add(new FigureSeries("plans", SeriesKind.Points, [.. marked.Select(p => p.KeptRatio)], [.. marked.Select(p => p.RelativeError!.Value)]) { Labels = [.. marked.Select(p => p.Rule)], ShowLabels = true });
        return new Figure
        {
            Title = $"Error against kept share{(spectra.Length > 0 && spectra.All(s => s.Model == spectra[0].Model) ? $": {spectra[0].Model}" : "")}",
            Protocol = $"Of {FigureText.Plural(spectra.Length, "layer")}, by their singular values: the root of the mean over layers of ||W - W'||^2 / ||W||^2 of the best pairs (Eckart and Young, 1936), against the parameters of the pairs over those of the layers. Every layer is a pair here; plans may leave layers dense and weigh them otherwise.",
            X = new FigureAxis("kept share of the parameters") { Format = AxisFormat.Percent },
            Y = new FigureAxis("relative error"),
            Series = series,
            Table = FigureTable.Of(["Curve", ">Kept", ">Error"],
                [.. even.Where((_, i) => i % 5 == 4).Select(p => Row("the same share", p)), .. best.Where((_, i) => i % 10 == 9).Select(p => Row("where they pay most", p)), .. marked.Select(p => Row(p.Rule, (p.KeptRatio, p.RelativeError!.Value)))]),
        };
    }

    private static string[] Row(string curve, (double Kept, double Error) point) => [curve, FigureText.Percent(point.Kept), FigureText.Number(point.Error)];

    private static (double, double) Even(Layer[] layers, double share) => Point(layers, layers.Select(l => (int)Math.Max(1, Math.Floor(share * l.Dense / l.PairCost))));

    /// <summary>Components in the order of the squared error that each takes away for a parameter: the least error at each of the costs passed (Fox, 1966).</summary>
    private static (double, double)[] Best(Layer[] layers)
    {
        // The first component of every layer is there from the start: a pair has at least rank 1.
        (int Layer, double Cost)[] order = [.. layers.SelectMany((l, i) => Enumerable.Range(1, Math.Max(0, Math.Min(l.BreakEven, l.Values.Length) - 1))
            .Select(k => (Layer: i, Gain: l.Share(k) / l.PairCost, Cost: (double)l.PairCost))).OrderByDescending(c => c.Gain).Select(c => (c.Layer, c.Cost))];
        int[] ranks = [.. layers.Select(_ => 1)];
        List<(double, double)> points = [Point(layers, ranks)];
        double total = layers.Sum(l => l.Dense), cost = layers.Sum(l => l.PairCost), next = 1.0 / (2 * Steps);
        foreach ((int layer, double step) in order)
        {
            ranks[layer]++;
            cost += step;
            if (cost / total < next)
                continue;
            points.Add(Point(layers, ranks));
            while (next <= cost / total)
                next += 1.0 / (2 * Steps);
        }
        return [.. points];
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

    private sealed record Layer(double[] Values, double Dense, long PairCost, int BreakEven, double SquaredNorm)
    {
        public static Layer Of(LayerSpectrum s)
        {
            (long rows, long columns) = s.Size;
            if (s.SingularValues.Count != Math.Min(rows, columns))
                throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{s.Name}: the spectrum lists {s.SingularValues.Count} of its singular values.", "Measure spectra without -Top.");
            double[] values = [.. s.SingularValues];
            return new Layer(values, (double)rows * columns, rows + columns, (int)s.BreakEvenRank, SpectrumMeasures.SquaredNorm(values));
        }

        /// <summary>Share of the squared norm that component k, from 0, holds.</summary>
        public double Share(int k) => SquaredNorm == 0 ? 0 : Values[k] * Values[k] / SquaredNorm;
    }
}
