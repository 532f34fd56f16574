using System.Text.Json;
using Plotly.NET;
using Plotly.NET.LayoutObjects;
using Plotly.NET.TraceObjects;

namespace LowRankTools.Interactive;

/// <summary>Figures of this library as charts of Plotly.NET: to be restyled, combined and shown with all that it offers.</summary>
public static class FigureCharts
{
    /// <summary>The chart of a figure: the same traces and the same layout.</summary>
    /// <param name="figure">A figure, as <see cref="LowRankTools.Core.Figures.Plot"/> builds them.</param>
    public static GenericChart ToChart(this LowRankTools.Core.Figures.Figure figure)
    {
        using JsonDocument json = JsonDocument.Parse(figure.ToJson());
        GenericChart[] traces = [.. json.RootElement.GetProperty("data").EnumerateArray()
            .Select(t => GenericChart.ofTraceObject(false, Fill(new Trace(t.GetProperty("type").GetString()!), t, "type")))];
        GenericChart chart = GenericChart.combine(traces);
        chart = GenericChart.setLayout(Fill(new Layout(), json.RootElement.GetProperty("layout")), chart);
        return GenericChart.setConfig(Fill(new Config(), json.RootElement.GetProperty("config")), chart);
    }

    private static T Fill<T>(T target, JsonElement json, string except = "") where T : DynamicObj.DynamicObj
    {
        foreach (JsonProperty property in json.EnumerateObject().Where(p => p.Name != except))
            target.SetProperty(property.Name, Value(property.Name, property.Value));
        return target;
    }

    private static object? Value(string name, JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => Fill(Part(name), json),
        JsonValueKind.Array => json.EnumerateArray().Select(e => Value(name, e)).ToArray(),
        JsonValueKind.String => json.GetString(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Null => null,
        _ => json.TryGetInt64(out long whole) ? whole : json.GetDouble(),
    };

    // Of the types that Plotly.NET's own functions look for, so that they change these parts in place of replacing them.
    private static DynamicObj.DynamicObj Part(string name) => name switch
    {
        "xaxis" or "yaxis" => new LinearAxis(),
        "title" => new Title(),
        "legend" => new Legend(),
        "marker" => new Marker(),
        "line" => new Line(),
        "font" => new Font(),
        "margin" => new Margin(),
        _ => new DynamicObj.DynamicObj(),
    };
}
