using System.Text.Json;
using System.Xml.Linq;
using LowRankTools.Core.Figures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Figures;

/// <summary>A figure says the same as JSON and as a picture, whatever its texts and numbers are.</summary>
public sealed class FigureTests
{
    private const string Hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \"'\u202e\u0007";

    private static Figure Make(string text = "name", bool isLog = false, params double[] values) => new()
    {
        Title = text,
        Protocol = text,
        X = new FigureAxis(text) { Format = AxisFormat.Count },
        Y = new FigureAxis(text) { IsLog = isLog },
        Series = [new FigureSeries(text, SeriesKind.LineAndPoints, [.. values.Select((_, i) => (double)i)], values) { Labels = [.. values.Select(_ => text)], ShowLabels = true }],
        Table = FigureTable.Of([text], [[text]]),
    };

    private static XElement Svg(Figure figure) => XElement.Parse(figure.ToSvg());

    private static IEnumerable<XElement> All(XElement svg, string name) => svg.Descendants().Where(e => e.Name.LocalName == name);

    [Fact]
    public void Json_is_a_plotly_figure_with_every_series()
    {
        JsonElement figure = JsonDocument.Parse(Make(values: [1, 2, 4]).ToJson()).RootElement;
        JsonElement trace = Assert.Single(figure.GetProperty("data").EnumerateArray());
        Assert.Equal([1, 2, 4], trace.GetProperty("y").EnumerateArray().Select(v => v.GetDouble()));
        Assert.Equal("lines+markers+text", trace.GetProperty("mode").GetString());
        Assert.Equal("name", figure.GetProperty("layout").GetProperty("title").GetProperty("text").GetString());
    }

    [Fact]
    public void What_is_no_number_is_a_gap_in_json_and_in_the_picture()
    {
        Figure figure = Make(isLog: true, values: [1, 2, double.NaN, 4, 0, double.PositiveInfinity, 3, 5, 6]);
        JsonElement[] y = [.. JsonDocument.Parse(figure.ToJson()).RootElement.GetProperty("data")[0].GetProperty("y").EnumerateArray()];
        Assert.Equal([2, 4, 5], y.Select((v, i) => (v, i)).Where(p => p.v.ValueKind == JsonValueKind.Null).Select(p => p.i));
        XElement svg = Svg(figure);
        // Two runs of points with a line, one point alone; the legend draws a line and a point of its own.
        Assert.Equal(2 + 1, All(svg, "polyline").Count());
        Assert.Equal(6 + 1, All(svg, "circle").Count());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Hostile_text_stays_text(bool isLog)
    {
        Figure figure = Make(Hostile, isLog, 1, 2);
        string json = figure.ToJson();
        Assert.DoesNotContain('<', json);
        string name = JsonDocument.Parse(json).RootElement.GetProperty("layout").GetProperty("title").GetProperty("text").GetString()!;
        Assert.DoesNotContain('<', name); // Plotly takes tags in text for markup
        XElement svg = Svg(figure);
        Assert.Empty(All(svg, "script").Concat(All(svg, "img")));
        Assert.Contains(All(svg, "text"), t => t.Value.StartsWith("</script>", StringComparison.Ordinal));
    }

    [Fact]
    public void The_picture_puts_larger_values_higher_and_equal_ratios_equally_far_apart()
    {
        double[] heights = Heights(isLog: true, 1, 10, 100);
        Assert.Equal(heights[0] - heights[1], heights[1] - heights[2], 0.2);
        heights = Heights(isLog: false, 1, 2, 3);
        Assert.True(heights[0] > heights[1]);
        Assert.Equal(heights[0] - heights[1], heights[1] - heights[2], 0.2);

        static double[] Heights(bool isLog, params double[] values) =>
            [.. All(Svg(Make(isLog: isLog, values: values)), "circle").Take(values.Length).Select(c => (double)c.Attribute("cy")!)];
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_to_draw_is_an_empty_plot(bool isLog)
    {
        Assert.NotEmpty(All(Svg(Make(isLog: isLog)), "text"));
        JsonDocument.Parse(Make(isLog: isLog).ToJson());
    }

    [Fact]
    public void Bars_are_as_long_as_their_values()
    {
        Figure figure = Make() with
        {
            Y = new FigureAxis("") { Categories = ["a", "b", "c"] },
            Series = [new FigureSeries("", SeriesKind.Bars, [3, 0, 6], [0, 1, 2])],
        };
        double[] lengths = [.. All(Svg(figure), "rect").Where(r => r.Attribute("class") is null).Select(r => (double)r.Attribute("width")!)];
        Assert.Equal(3, lengths.Length);
        Assert.Equal(2 * lengths[0], lengths[2], 0.2);
        Assert.Equal(0, lengths[1]);
    }

    [Fact]
    public void A_picture_needs_room()
    {
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => Make().ToSvg(100)).ErrorId);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_sparkline_falls_with_its_values_and_ends_in_the_smallest(bool blocks)
    {
        string line = Sparkline.Of([.. Enumerable.Range(1, 500).Select(k => 1.0 / k)], blocks);
        Assert.Equal(Sparkline.Width, line.Length);
        Assert.Equal(blocks, line.Any(c => c > 127));
        string steps = Sparkline.Of([8, 7, 6, 5, 4, 3, 2, 1], blocks);
        Assert.Equal(8, steps.Distinct().Count());
        Assert.Equal((steps[0], steps[^1]), (line[0], line[^1]));
        Assert.Equal("", Sparkline.Of([], blocks));
        Assert.Equal(new string(steps[^1], 3), Sparkline.Of([0, 0, 0], blocks));
    }
}
