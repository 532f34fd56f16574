namespace LowRankTools.Cli.Tests.Commands;

public sealed class SpeedTests
{
    [Fact]
    public async Task Shapes_and_ranks_are_lists_and_options()
    {
        CliRun run = await CliRun.Of("speed", "--shape", "16x8,12x12", "--shape", "8x8", "--rank", "2,4", "--batch-size", "3", "--runs", "2", "--skip-break-even", "--thread-count", "1", "--json");
        Assert.Equal(0, run.Code);
        Assert.Equal([(16, 2), (16, 4), (12, 2), (12, 4), (8, 2), (8, 4)], run.Json.Select(s => (s.GetProperty("OutFeatures").GetInt32(), s.GetProperty("Rank").GetInt32())));
        Assert.All(run.Json, s => Assert.Equal((3, 1, 2), (s.GetProperty("BatchSize").GetInt32(), s.GetProperty("ThreadCount").GetInt32(), s.GetProperty("Dense").GetProperty("Runs").GetInt32())));
        Assert.All(run.Json, s => Assert.Equal(System.Text.Json.JsonValueKind.Null, s.GetProperty("MeasuredBreakEvenRank").ValueKind));
    }

    [Fact]
    public async Task Layers_are_timed_beside_pivoted_pairs()
    {
        CliRun run = await CliRun.Of("speed", "--shape", "24x16", "--method", "pivoted", "--rank", "2,4", "--runs", "2", "--json");
        Assert.Equal([(2, 100), (4, 168)], run.Json.Select(s => (s.GetProperty("Rank").GetInt32(), s.GetProperty("Parameters").GetInt32())));
        CliRun table = await CliRun.Of("speed", "--shape", "24x16", "--method", "pivoted", "--keep-ratio", "0.8", "--runs", "1");
        Assert.Equal(0, table.Code);
        Assert.Contains("Pivoted", table.Out, StringComparison.Ordinal);
        Assert.NotEqual(0, (await CliRun.Of("speed", "--kernel", "4x4x3x3", "--method", "pivoted", "--runs", "1")).Code);
    }

    [Fact]
    public async Task A_rank_that_one_layer_cannot_have_is_its_own_error()
    {
        CliRun run = await CliRun.Of("speed", "--shape", "16x8,32x32", "--rank", "9", "--runs", "1");
        Assert.Equal(1, run.Code);
        Assert.StartsWith("error RankExceedsLayer: ", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
        Assert.Contains("32 x 32", run.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--engine embedded --device cpu", 0, "")]
    [InlineData("--engine embedded --device cuda", 1, "error EngineUnavailable: ")]
    [InlineData("--device abacus", 2, "error OptionInvalid: ")]
    public async Task Models_run_on_the_engine_that_was_asked_for(string options, int code, string error)
    {
        using TestFolder folder = new();
        await CliRun.Of("new", "--preset", "seed-tiny", "--output-path", folder["demo"]);
        CliRun run = await CliRun.Of(["speed", folder["demo"], "--sequence-length", "4", "--runs", "1", "--json", .. options.Split(' ')]);
        Assert.Equal(code, run.Code);
        Assert.StartsWith(error, run.Error, StringComparison.Ordinal);
        Assert.Equal(code == 0 ? ["Embedded on cpu"] : [], run.Json.Select(s => s.GetProperty("Engine").GetString()));
    }

    [Fact]
    public async Task What_was_measured_on_what_is_said()
    {
        CliRun run = await CliRun.Of("speed", "--shape", "16x8", "--runs", "1", "--thread-count", "1");
        Assert.Contains("Embedded on cpu", run.Out, StringComparison.Ordinal);
        Assert.Contains("1 thread, 128 tokens, float32", run.Out, StringComparison.Ordinal);
        Assert.Contains("Break-even rank", run.Out, StringComparison.Ordinal);
    }
}
