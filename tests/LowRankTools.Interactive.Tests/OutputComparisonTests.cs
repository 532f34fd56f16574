using System.Text.Json.Nodes;
using LowRankTools.NotebookRunner;

namespace LowRankTools.Interactive.Tests;

/// <summary>When stored outputs no longer agree with a fresh run's.</summary>
public sealed class OutputComparisonTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lowrank-outputs-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("10,035,840 parameters", "10,035,840   parameters", true)]
    [InlineData("10,035,840 parameters", "10,035,841 parameters", false)]
    [InlineData("rank 64", "rank 65", false)]
    [InlineData("error 0.551", "error 0.552", true)]
    [InlineData("error 0.551", "error 0.553", false)]
    [InlineData("error 3.21e-08", "error 3.22e-08", true)]
    [InlineData("error 3.21e-08", "error 3.21e-07", false)]
    [InlineData("holds: a", "holds: b", false)]
    [InlineData("one\ntwo", "one", false)]
    public void Whole_numbers_are_equal_and_fractions_to_their_last_place(string stored, string came, bool agree) =>
        Assert.Equal(agree, Differences(Stream(stored), Stream(came), measured: false).Count == 0);

    [Fact]
    public void What_was_measured_may_differ_but_not_vanish()
    {
        Assert.Empty(Differences(Stream("took 3 ms"), Stream("took 5 s"), measured: true));
        Assert.NotEmpty(Differences(Stream("took 3 ms"), null, measured: true));
    }

    [Fact]
    public void A_plotted_number_counts_as_a_figure()
    {
        Assert.Empty(Differences(Chart(0.5), Chart(0.500001), measured: false));
        Assert.NotEmpty(Differences(Chart(0.5), Chart(0.51), measured: false));
    }

    private static JsonObject Stream(string text) => new() { ["output_type"] = "stream", ["name"] = "stdout", ["text"] = text };

    private static JsonObject Chart(double value) => new()
    {
        ["output_type"] = "display_data",
        ["data"] = new JsonObject { ["application/vnd.plotly.v1+json"] = new JsonObject { ["data"] = new JsonArray(new JsonObject { ["x"] = new JsonArray(value) }) } },
    };

    private IReadOnlyList<string> Differences(JsonObject stored, JsonObject? came, bool measured) =>
        OutputComparison.Differences(Write("a", stored, measured), Write("b", came, measured));

    private Notebook Write(string name, JsonObject? output, bool measured)
    {
        JsonObject cell = new()
        {
            ["cell_type"] = "code",
            ["metadata"] = new JsonObject { ["tags"] = measured ? new JsonArray("measured") : [] },
            ["source"] = "1",
            ["outputs"] = output is null ? new JsonArray() : new JsonArray(output),
        };
        string path = Path.Combine(_folder, name + ".ipynb");
        File.WriteAllText(path, new JsonObject { ["cells"] = new JsonArray(cell) }.ToJsonString());
        return Notebook.Read(path);
    }
}
