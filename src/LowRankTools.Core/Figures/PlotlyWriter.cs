using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace LowRankTools.Core.Figures;

/// <summary>Writes figures as Plotly reads them. Backgrounds stay clear and greys are of the middle, so that any page's theme suits.</summary>
internal static class PlotlyWriter
{
    private const string TextColor = "#7f8790";
    private const double CrowdedDecades = 1.5;
    private const string GridColor = "rgba(128,136,144,0.28)";

    /// <summary>The figure as JSON; no character in it ends a script of a page.</summary>
    public static string Write(Figure figure)
    {
        ArrayBufferWriter<byte> bytes = new();
        // The default encoder escapes < > & ' as well, which HTML needs.
        using (Utf8JsonWriter json = new(bytes))
        {
            json.WriteStartObject();
            json.WriteStartArray("data");
            string[] colors = FigureColors.Of(figure.Series);
            bool isCompared = figure.Series.Any(s => s.Kind == SeriesKind.Bars && s.IsReference);
            foreach ((FigureSeries series, string color) in figure.Series.Zip(colors))
                Series(json, figure, series, color, isCompared);
            json.WriteEndArray();
            Layout(json, figure);
            json.WriteStartObject("config");
            json.WriteBoolean("responsive", true);
            json.WriteBoolean("displaylogo", false);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>Text that stays text: Plotly takes some tags and entities for markup.</summary>
    internal static string Plain(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);

    private static void Series(Utf8JsonWriter json, Figure figure, FigureSeries series, string color, bool isCompared)
    {
        bool isBar = series.Kind == SeriesKind.Bars;
        json.WriteStartObject();
        json.WriteString("type", isBar ? "bar" : "scatter");
        json.WriteString("name", Plain(FigureText.Short(series.Name)));
        json.WriteBoolean("showlegend", series.Name.Length > 0);
        if (isBar)
        {
            json.WriteString("orientation", "h");
            json.WriteNumber("width", isCompared && !series.IsReference ? 0.45 : 0.8);
        }
        else
            json.WriteString("mode", Mode(series));
        Numbers(json, "x", series.X, figure.X.IsLog);
        Numbers(json, "y", series.Y, figure.Y.IsLog);
        if (series.Labels is { } labels)
        {
            json.WriteStartArray(series.ShowLabels ? "text" : "hovertext");
            foreach (string label in labels)
                json.WriteStringValue(Plain(label));
            json.WriteEndArray();
            json.WriteString("hoverinfo", isBar ? "text+name" : series.ShowLabels ? "text+x+y" : "text");
            if (series.ShowLabels)
                json.WriteString("textposition", "bottom left");
        }
        json.WriteStartObject("marker");
        json.WriteString("color", color);
        if (isBar)
            json.WriteNumber("opacity", series.IsReference ? 0.45 : 1);
        else
            json.WriteNumber("size", 8);
        json.WriteEndObject();
        if (!isBar)
        {
            json.WriteStartObject("line");
            json.WriteString("color", color);
            json.WriteNumber("width", 2);
            if (series.Kind == SeriesKind.DashedLine)
                json.WriteString("dash", "dash");
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static string Mode(FigureSeries series) => series.Kind switch
    {
        SeriesKind.Points => "markers",
        SeriesKind.LineAndPoints => "lines+markers",
        _ => "lines",
    } + (series.ShowLabels ? "+text" : "");

    private static void Numbers(Utf8JsonWriter json, string name, IReadOnlyList<double> values, bool isLog)
    {
        json.WriteStartArray(name);
        foreach (double value in values)
        {
            if (!double.IsFinite(value) || isLog && value <= 0)
                json.WriteNullValue();
            else // seven digits are more than a screen shows
                json.WriteNumberValue(double.Parse(value.ToString("G7", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture));
        }
        json.WriteEndArray();
    }

    private static void Layout(Utf8JsonWriter json, Figure figure)
    {
        json.WriteStartObject("layout");
        Text(json, "title", figure.Title);
        Axis(json, "xaxis", figure.X, figure.Series.SelectMany(s => s.X));
        Axis(json, "yaxis", figure.Y, figure.Series.SelectMany(s => s.Y));
        json.WriteNumber("height", figure.Height);
        json.WriteBoolean("autosize", true);
        json.WriteString("barmode", "overlay");
        json.WriteString("hovermode", "closest");
        json.WriteString("paper_bgcolor", "rgba(0,0,0,0)");
        json.WriteString("plot_bgcolor", "rgba(0,0,0,0)");
        json.WriteStartObject("font");
        json.WriteString("color", TextColor);
        json.WriteEndObject();
        json.WriteStartObject("margin");
        json.WriteNumber("t", 56);
        json.WriteNumber("r", 24);
        json.WriteEndObject();
        json.WriteStartObject("legend");
        json.WriteString("orientation", "h");
        json.WriteNumber("y", 1);
        json.WriteString("yanchor", "bottom");
        json.WriteNumber("x", 0);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Axis(Utf8JsonWriter json, string name, FigureAxis axis, IEnumerable<double> values)
    {
        json.WriteStartObject(name);
        // Names say themselves what they are.
        Text(json, "title", axis.Categories is null ? axis.Title : "");
        json.WriteString("gridcolor", GridColor);
        json.WriteString("zerolinecolor", GridColor);
        json.WriteBoolean("automargin", true);
        if (axis.Categories is { } categories)
        {
            json.WriteStartArray("tickvals");
            for (int i = 0; i < categories.Count; i++)
                json.WriteNumberValue(i);
            json.WriteEndArray();
            json.WriteStartArray("ticktext");
            foreach (string category in categories)
                json.WriteStringValue(Plain(FigureText.Short(category)));
            json.WriteEndArray();
            json.WriteStartArray("range");
            json.WriteNumberValue(categories.Count - 0.5);
            json.WriteNumberValue(-0.5);
            json.WriteEndArray();
            json.WriteBoolean("showgrid", false);
            json.WriteBoolean("zeroline", false);
        }
        else
        {
            json.WriteString("type", axis.IsLog ? "log" : "linear");
            if (!axis.IsLog)
                json.WriteString("rangemode", "tozero");
            else if (Decades(values) > CrowdedDecades)
                json.WriteNumber("dtick", 1);
            json.WriteString("exponentformat", "power");
            json.WriteString("tickformat", axis.Format switch { AxisFormat.Percent => "~%", AxisFormat.Count => "~s", _ => "" });
        }
        json.WriteEndObject();
    }

    private static double Decades(IEnumerable<double> values)
    {
        double[] shown = [.. values.Where(v => double.IsFinite(v) && v > 0)];
        return shown.Length == 0 ? 0 : Math.Log10(shown.Max() / shown.Min());
    }

    private static void Text(Utf8JsonWriter json, string name, string text)
    {
        json.WriteStartObject(name);
        json.WriteString("text", Plain(text));
        json.WriteEndObject();
    }
}
