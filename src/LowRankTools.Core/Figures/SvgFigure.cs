using LowRankTools.Numerics;

namespace LowRankTools.Core.Figures;

/// <summary>Draws a figure as SVG: no script, no font of its own, nothing that is fetched.</summary>
internal sealed class SvgFigure
{
    private const int NarrowestWidth = 240;
    private const double CharacterWidth = 6.7;
    private const int LineHeight = 18;

    private readonly Figure _figure;
    private readonly string[] _colors;
    private readonly int _width;
    private readonly double _left, _right, _top, _bottom;
    private readonly FigureScale _x, _y;
    private readonly SvgText _svg = new();
    private readonly List<List<int>> _legend;

    private SvgFigure(Figure figure, int width, bool standalone)
    {
        if (width < NarrowestWidth)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{width} pixels are too few for a plot.", $"Its width is at least {NarrowestWidth}.");
        (_figure, _width, _colors) = (figure, width, FigureColors.Of(figure.Series));
        _legend = Legend();
        _top = (standalone ? 40 : 12) + LineHeight * _legend.Count;
        _bottom = Math.Max(figure.Height, _top + 120) - 48;
        double longest = figure.Y.Categories is { } names ? names.Select(n => FigureText.Short(n).Length).DefaultIfEmpty(0).Max() : 5;
        _left = Math.Min(40 + longest * CharacterWidth, width * 0.5);
        _right = width - 20;
        _x = new FigureScale(figure.X, figure.Series.SelectMany(s => s.X), _left, _right);
        bool down = figure.Y.Categories is not null;
        _y = new FigureScale(figure.Y, figure.Series.SelectMany(s => s.Y), down ? _top : _bottom, down ? _bottom : _top);
    }

    /// <summary>The picture.</summary>
    /// <param name="figure">What is drawn.</param>
    /// <param name="width">Width in pixels.</param>
    /// <param name="standalone">Whether it is a file of its own, with its title and its style; else the page around it has both.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public static string Write(Figure figure, int width, bool standalone) => new SvgFigure(figure, width, standalone).Draw(standalone);

    private string Draw(bool standalone)
    {
        _svg.Open(_width, _bottom + 48, _figure.Title, _figure.Protocol, standalone);
        if (standalone)
            _svg.Words(16, 24, _figure.Title, "lr-title", "start");
        DrawAxes();
        foreach ((FigureSeries series, string color) in _figure.Series.Zip(_colors).OrderByDescending(s => s.First.Kind == SeriesKind.Bars))
        {
            if (series.Kind == SeriesKind.Bars)
                DrawBars(series, color);
            else
                DrawPoints(series, color);
        }
        DrawLegend(standalone ? 46 : 12);
        return _svg.Close();
    }

    private void DrawAxes()
    {
        foreach ((double value, string text) in _x.Ticks())
        {
            _svg.Line(_x[value], _top, _x[value], _bottom, "lr-grid");
            _svg.Words(_x[value], _bottom + 16, text, "lr-text", "middle");
        }
        int longest = (int)((_left - 30) / CharacterWidth);
        foreach ((double value, string text) in _y.Ticks())
        {
            if (_figure.Y.Categories is null)
                _svg.Line(_left, _y[value], _right, _y[value], "lr-grid");
            _svg.Words(_left - 6, _y[value] + 4, text.Length <= longest ? text : string.Concat("\u2026", text.AsSpan(text.Length - longest + 1)), "lr-text", "end");
        }
        _svg.Words((_left + _right) / 2, _bottom + 36, _figure.X.Title, "lr-text", "middle");
        if (_figure.Y.Categories is null)
            _svg.Upright(14, (_top + _bottom) / 2, _figure.Y.Title, "lr-text");
    }

    private void DrawBars(FigureSeries series, string color)
    {
        bool isCompared = _figure.Series.Any(s => s.Kind == SeriesKind.Bars && s.IsReference);
        double step = Math.Abs(_y[1] - _y[0]), thickness = step * (isCompared && !series.IsReference ? 0.45 : 0.8);
        double start = _figure.X.IsLog ? _left : _x[0];
        for (int i = 0; i < series.X.Count; i++)
        {
            if (_x.Shows(series.X[i]))
                _svg.Bar(start, _y[series.Y[i]] - thickness / 2, Math.Max(_x[series.X[i]] - start, 0), thickness, color, series.IsReference ? 0.45 : 1);
        }
    }

    private void DrawPoints(FigureSeries series, string color)
    {
        bool hasLine = series.Kind != SeriesKind.Points, hasMarks = series.Kind is SeriesKind.Points or SeriesKind.LineAndPoints;
        List<(double X, double Y)> run = [];
        for (int i = 0; i <= series.X.Count; i++)
        {
            if (i < series.X.Count && _x.Shows(series.X[i]) && _y.Shows(series.Y[i]))
            {
                run.Add((_x[series.X[i]], _y[series.Y[i]]));
                if (hasMarks)
                    _svg.Mark(run[^1].X, run[^1].Y, color);
                if (series.ShowLabels && series.Labels is { } labels)
                {
                    // Cost and error fall together or not at all: below and to the left of a good choice there is nothing.
                    bool fits = run[^1].X - labels[i].Length * CharacterWidth > _left;
                    _svg.Words(run[^1].X + (fits ? -8 : 8), run[^1].Y + 15, labels[i], "lr-text", fits ? "end" : "start");
                }
                continue;
            }
            if (hasLine && run.Count > 1)
                _svg.Path(run, color, series.Kind == SeriesKind.DashedLine);
            run.Clear();
        }
    }

    /// <summary>Entries of the legend in lines that fit the width.</summary>
    private List<List<int>> Legend()
    {
        List<List<int>> lines = [];
        double used = _width;
        for (int i = 0; i < _figure.Series.Count; i++)
        {
            if (_figure.Series[i].Name.Length == 0)
                continue;
            double entry = EntryWidth(i);
            if (used + entry > _width - 32)
            {
                lines.Add([]);
                used = 0;
            }
            lines[^1].Add(i);
            used += entry;
        }
        return lines;
    }

    private double EntryWidth(int series) => 34 + FigureText.Short(_figure.Series[series].Name).Length * CharacterWidth;

    private void DrawLegend(double top)
    {
        foreach (List<int> line in _legend)
        {
            double left = 16;
            foreach (int i in line)
            {
                FigureSeries series = _figure.Series[i];
                if (series.Kind == SeriesKind.Bars)
                    _svg.Bar(left, top - 9, 16, 9, _colors[i], series.IsReference ? 0.45 : 1);
                if (series.Kind is SeriesKind.Points or SeriesKind.LineAndPoints)
                    _svg.Mark(left + 8, top - 4, _colors[i]);
                if (series.Kind is not (SeriesKind.Bars or SeriesKind.Points))
                    _svg.Path([(left, top - 4), (left + 16, top - 4)], _colors[i], series.Kind == SeriesKind.DashedLine);
                _svg.Words(left + 21, top, FigureText.Short(series.Name), "lr-text", "start");
                left += EntryWidth(i);
            }
            top += LineHeight;
        }
    }
}
