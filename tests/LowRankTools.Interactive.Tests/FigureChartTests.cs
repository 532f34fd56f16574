using System.Text.Json.Nodes;
using Microsoft.DotNet.Interactive.Formatting;
using Plotly.NET;
using Plotly.NET.CSharp;

namespace LowRankTools.Interactive.Tests;

/// <summary>Figures of Core as charts of Plotly.NET, and as notebooks receive them.</summary>
public sealed class FigureChartTests
{
    public FigureChartTests()
    {
        FigureFormatters.Register();
        ValueFormatters.Register();
    }

    public static TheoryData<string> Names => [nameof(Samples.Losses), nameof(Samples.Bars), nameof(Samples.Logarithmic)];

    private static LowRankTools.Core.Figures.Figure Sample(string name) => (LowRankTools.Core.Figures.Figure)typeof(Samples).GetProperty(name, System.Reflection.BindingFlags.Static | System.Reflection.BindingFlags.Public)!.GetValue(null)!;

    [Theory]
    [MemberData(nameof(Names))]
    public void A_chart_says_what_its_figure_says(string name)
    {
        LowRankTools.Core.Figures.Figure figure = Sample(name);
        JsonNode expected = JsonNode.Parse(figure.ToJson())!, actual = JsonNode.Parse(GenericChart.toFigureJson(figure.ToChart()))!;
        AssertSame(expected["data"], actual["data"], "data");
        AssertSame(expected["layout"], actual["layout"], "layout");
    }

    [Fact]
    public void What_Plotly_NET_restyles_keeps_the_rest()
    {
        GenericChart chart = Samples.Logarithmic.ToChart().WithXAxisStyle<int, int, string>(TitleText: "mine");
        JsonNode axis = JsonNode.Parse(GenericChart.toFigureJson(chart))!["layout"]!["xaxis"]!;
        Assert.Equal("mine", (string?)axis["title"]!["text"]);
        Assert.Equal("log", (string?)axis["type"]);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_notebook_receives_a_Plotly_figure_with_a_picture_beside_it_and_fetches_nothing(string name)
    {
        foreach (object shown in (object[])[Sample(name), Sample(name).ToChart()])
        {
            FormattedValue[] values = [.. FormattedValue.CreateManyFromObject(shown)];
            Assert.Equal(MimeTypes.Plotly, values[0].MimeType);
            Assert.Equal(shown is LowRankTools.Core.Figures.Figure, values.Any(v => v.MimeType == MimeTypes.Svg && v.Value.StartsWith("<svg", StringComparison.Ordinal)));
            Assert.DoesNotContain(values, v => v.MimeType == MimeTypes.Html);
            Assert.All(values, v => Assert.DoesNotContain("<script", v.Value, StringComparison.OrdinalIgnoreCase));
            Assert.All(values, v => Assert.DoesNotContain("cdn", v.Value, StringComparison.OrdinalIgnoreCase));
        }
    }

    [Fact]
    public void A_figure_is_shown_by_a_running_cell_only() =>
        Assert.Throws<InvalidOperationException>(() => NotebookSession.Show(Samples.Bars));

    private static void AssertSame(JsonNode? expected, JsonNode? actual, string at)
    {
        switch (expected)
        {
            case JsonObject a:
                Assert.Equal(a.Select(p => p.Key).Order(), actual!.AsObject().Select(p => p.Key).Order());
                foreach ((string key, JsonNode? value) in a)
                    AssertSame(value, actual[key], $"{at}.{key}");
                break;
            case JsonArray a:
                Assert.Equal(a.Count, actual!.AsArray().Count);
                for (int i = 0; i < a.Count; i++)
                    AssertSame(a[i], actual[i], $"{at}[{i}]");
                break;
            case JsonValue a when a.TryGetValue(out double number):
                Assert.True(number == actual!.GetValue<double>(), at);
                break;
            default:
                Assert.True(JsonNode.DeepEquals(expected, actual), $"{at}: {expected?.ToJsonString()} became {actual?.ToJsonString()}");
                break;
        }
    }
}
