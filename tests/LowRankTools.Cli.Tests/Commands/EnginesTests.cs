namespace LowRankTools.Cli.Tests.Commands;

public sealed class EnginesTests
{
    [Fact]
    public async Task The_embedded_engine_is_always_there()
    {
        CliRun run = await CliRun.Of("engines", "--json");
        Assert.Equal(0, run.Code);
        Assert.True(run.Json.Single(e => e.GetProperty("Name").GetString() == "Embedded").GetProperty("Available").GetBoolean());
    }

    [Fact]
    public async Task An_engine_that_is_not_there_says_why()
    {
        CliRun run = await CliRun.Of("engines", "--json");
        Assert.All(run.Json.Where(e => !e.GetProperty("Available").GetBoolean()), e => Assert.NotEqual("", e.GetProperty("Reason").GetString()));
        Assert.Contains("Embedded", (await CliRun.Of("engines")).Out, StringComparison.Ordinal);
    }
}
