using System.Text.Json;
using LowRankTools.Core.Reports;

namespace LowRankTools.Core.Tests.Reports;

/// <summary>Reports as a reader meets them: in a browser, from the disk, in light and dark, on a phone, without JavaScript.</summary>
public sealed class ReportBrowserTests : IDisposable
{
    private readonly ReportSample _sample = new();

    public void Dispose() => _sample.Dispose();

    [BrowserTheory]
    [InlineData("model")]
    [InlineData("plan")]
    [InlineData("result")]
    public void Every_plot_is_drawn_and_nothing_is_fetched_complained_of_or_injected(string subject)
    {
        ExportReport operation = new(ReportSample.Options with { OutputPath = _sample["report.html"], IncludeSpeed = subject == "model" });
        ReportResult report = subject switch
        {
            "model" => operation.Run(_sample.Dense()),
            "plan" => operation.Run(_sample.Plan()),
            _ => operation.Run(_sample.Factorized()),
        };
        JsonElement[] visits = [.. JsonDocument.Parse(Browser.Check(report.Path)).RootElement.EnumerateArray()];
        Assert.Equal(["light", "dark", "phone", "still"], visits.Select(v => v.GetProperty("name").GetString()));
        foreach (JsonElement visit in visits)
        {
            Assert.Empty(Texts(visit, "problems"));
            Assert.Empty(Texts(visit, "requests"));
            Assert.Empty(Texts(visit, "dialogs"));
            Assert.Empty(Texts(visit, "faults"));
        }
        foreach (JsonElement visit in visits.SkipLast(1))
        {
            Assert.Equal((report.Figures, report.Figures, 0), (visit.GetProperty("figures").GetInt32(), visit.GetProperty("drawn").GetInt32(), visit.GetProperty("stills").GetInt32()));
            Assert.Equal(0, visit.GetProperty("overflow").GetInt32());
            Assert.Equal(0, visit.GetProperty("strangers").GetInt32());
            Assert.False(visit.GetProperty("owned").GetBoolean());
        }
        Assert.Equal(report.Figures, visits[^1].GetProperty("stills").GetInt32());
        Assert.True(visits[^1].GetProperty("rows").GetInt32() >= report.Figures);
    }

    private static IEnumerable<string?> Texts(JsonElement visit, string name) => visit.GetProperty(name).EnumerateArray().Select(t => t.GetString());
}
