using System.Text.Json;

namespace LowRankTools.Cli.Tests.Commands;

public sealed class DemoTests
{
    [Fact]
    public async Task The_demonstration_has_the_counts_of_the_notebook_it_comes_from()
    {
        using TestFolder folder = new();
        CliRun run = await CliRun.Of("demo", folder["demo"], "--json");
        Assert.Equal(0, run.Code);
        JsonElement count = run.Json[0], pairs = run.Json[1], merged = run.Json[2];
        Assert.Equal(45_555_200, count.GetProperty("Parameters").GetInt64());
        Assert.Equal(10_035_840, pairs.GetProperty("Parameters").GetInt64());
        Assert.Equal(45_555_200, merged.GetProperty("Parameters").GetInt64());
        Assert.Equal(pairs.GetProperty("FactorizedLayers").GetInt32(), run.Json.Skip(5).Count(d => d.GetProperty("Status").GetString() == "Changed"));
        Assert.Equal([(0, 45_555_200L), (98, 10_035_840L)], run.Json.Skip(3).Take(2).Select(s => (s.GetProperty("Pairs").GetInt32(), s.GetProperty("Parameters").GetInt64())));
        Assert.All(new[] { count, pairs, merged }, e => Assert.StartsWith(folder["demo"], e.GetProperty("Path").GetString(), StringComparison.Ordinal));

        // The same folder again: what lies there is the user's until --force says otherwise.
        CliRun again = await CliRun.Of("demo", folder["demo"]);
        Assert.Equal(1, again.Code);
        Assert.Contains("OutputExists", again.Error, StringComparison.Ordinal);
        CliRun forced = await CliRun.Of("demo", folder["demo"], "--force");
        Assert.Equal(0, forced.Code);
        Assert.Contains("10,035,840", forced.Out, StringComparison.Ordinal);
        Assert.Contains("lowrank factorize", forced.Out, StringComparison.Ordinal);
        Assert.Contains("98 pairs", forced.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_bad_input()
    {
        using TestFolder folder = new();
        string file = folder.Text("file", "in the way");
        CliRun run = await CliRun.Of("demo", Path.Combine(file, "demo"));
        Assert.Equal(1, run.Code);
        Assert.Contains(run.ErrorLines, line => line.StartsWith("error ", StringComparison.Ordinal));
    }
}
