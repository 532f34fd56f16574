namespace LowRankTools.Core.Figures;

/// <summary>Size of each layer as bars: what there was behind what is left of it.</summary>
internal static class LayerBars
{
    public static Figure Build(LayerChange[] layers, string model, string origin, bool bytes)
    {
        bool isChange = layers.Any(l => l.Parameters is not null);
        BarChoice<LayerChange> shown = BarChoice.Largest(layers, l => bytes ? l.BytesBefore : l.ParametersBefore, leastShare: 0.005);
        List<string> names = [.. shown.Shown.Select(l => l.Name)];
        List<double> before = [.. shown.Shown.Select(l => Value(l, bytes, after: false))], after = [.. shown.Shown.Select(l => Value(l, bytes, after: true))];
        if (shown.Others.Count > 0)
        {
            names.Add($"{FigureText.Count(shown.Others.Count)} smaller ones together");
            before.Add(shown.Others.Sum(l => Value(l, bytes, after: false)));
            after.Add(shown.Others.Sum(l => Value(l, bytes, after: true)));
        }
        double[] places = [.. Enumerable.Range(0, names.Count).Select(i => (double)i)];
        string unit = bytes ? "MB" : "parameters";
        FigureSeries now = new(isChange ? "before" : "", SeriesKind.Bars, before, places) { IsReference = isChange, Labels = Labels(names, before, unit) };
        FigureSeries then = new("after", SeriesKind.Bars, after, places) { Labels = Labels(names, after, unit) };
        return new Figure
        {
            Title = $"{(bytes ? "Size" : "Parameters")} by layer: {model}",
            Protocol = $"{FigureText.Plural(layers.Length, isChange ? "weight" : "tensor")}, {origin}. Shared storage counts once.{(bytes ? " One MB is 1,048,576 bytes; headers are not counted." : "")}{shown.Told("bars")}",
            X = new FigureAxis(bytes ? "MB" : "parameters") { Format = bytes ? AxisFormat.Number : AxisFormat.Count },
            Y = new FigureAxis("layer") { Categories = names },
            Series = isChange ? [now, then] : [now],
            Table = isChange ? Changes(layers, bytes) : Sizes(layers, bytes),
            Height = BarChoice.Height(names.Count),
        };
    }

    private static double Value(LayerChange layer, bool bytes, bool after)
    {
        long value = (bytes, after) switch
        {
            (true, true) => layer.Bytes ?? layer.BytesBefore,
            (true, false) => layer.BytesBefore,
            (false, true) => layer.Parameters ?? layer.ParametersBefore,
            _ => layer.ParametersBefore,
        };
        return bytes ? FigureText.Megabytes(value) : value;
    }

    private static string[] Labels(List<string> names, List<double> values, string unit) => [.. names.Zip(values, (n, v) => $"{n}: {(v >= 1000 ? FigureText.Count((long)v) : FigureText.Number(v))} {unit}")];

    private static FigureTable Changes(LayerChange[] layers, bool bytes) => FigureTable.Of(
        ["Layer", "Shape", ">Rank", ">Before", ">After"],
        layers.Select(l => (string[])[l.Name, l.Shape, FigureText.Count(l.Rank), Text(l, bytes, after: false), Text(l, bytes, after: true)]));

    private static FigureTable Sizes(LayerChange[] layers, bool bytes) => FigureTable.Of(
        ["Tensor", "Shape", bytes ? ">Size" : ">Parameters"], layers.Select(l => (string[])[l.Name, l.Shape, Text(l, bytes, after: false)]));

    private static string Text(LayerChange layer, bool bytes, bool after) => (bytes, after) switch
    {
        (true, true) => FigureText.Bytes(layer.Bytes ?? layer.BytesBefore),
        (true, false) => FigureText.Bytes(layer.BytesBefore),
        (false, true) => FigureText.Count(layer.Parameters ?? layer.ParametersBefore),
        _ => FigureText.Count(layer.ParametersBefore),
    };
}
