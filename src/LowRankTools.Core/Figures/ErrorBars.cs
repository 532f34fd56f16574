namespace LowRankTools.Core.Figures;

/// <summary>Error of each pair as bars.</summary>
internal static class ErrorBars
{
    public static Figure Build(LayerError[] layers, string model, string origin)
    {
        BarChoice<LayerError> choice = BarChoice.Largest(layers, l => l.Relative ?? -1);
        LayerError[] shown = [.. choice.Shown.Where(l => l.Relative is not null)];
        double[] places = [.. Enumerable.Range(0, shown.Length).Select(i => (double)i)];
        List<FigureSeries> series = [new FigureSeries(Has(l => l.Calibrated) ? "of the weight" : "", SeriesKind.Bars, [.. shown.Select(l => l.Relative!.Value)], places)
            { Labels = [.. shown.Select(l => $"{l.Name}, rank {FigureText.Count(l.Rank)}: {FigureText.Number(l.Relative)}")] }];
        Add("on the calibration inputs", l => l.Calibrated);
        Add("on inputs held out", l => l.HeldOut);
        return new Figure
        {
            Title = $"Error by layer: {model}",
            Protocol = $"||W - W'|| / ||W|| in the Frobenius norm of {FigureText.Plural(layers.Length, "pair")}, {origin}.{choice.Told("errors")}",
            X = new FigureAxis("relative error"),
            Y = new FigureAxis("layer") { Categories = [.. shown.Select(l => l.Name)] },
            Series = series,
            Table = FigureTable.Of(["Layer", "Shape", ">Rank", ">Error", ">On calibration inputs", ">On held-out inputs"],
                layers.Select(l => (string[])[l.Name, l.Shape, FigureText.Count(l.Rank), FigureText.Number(l.Relative), FigureText.Number(l.Calibrated), FigureText.Number(l.HeldOut)])),
            Height = BarChoice.Height(shown.Length),
        };

        bool Has(Func<LayerError, double?> error) => shown.Any(l => error(l) is not null);

        void Add(string name, Func<LayerError, double?> error)
        {
            if (Has(error))
                series.Add(new FigureSeries(name, SeriesKind.Points, [.. shown.Select(l => error(l) ?? double.NaN)], places) { Labels = [.. shown.Select(l => $"{l.Name} {name}: {FigureText.Number(error(l))}")] });
        }
    }
}
