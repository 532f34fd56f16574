using System.Text.Json;

namespace LowRankTools.Cli.Tests.Commands;

public sealed class TensorTrainTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Model() => _folder.Write("net/model.safetensors", [("fc.weight", [96, 64])], i => MathF.Sin(i * 0.1f) + (0.01f * (i % 7)));

    [Fact]
    public async Task A_layer_becomes_cores_of_the_modes_that_were_given_and_merges_back()
    {
        CliRun run = await CliRun.Of("factorize", Model(), "--method", "tensortrain", "--mode-split", "2x4x8", "--keep-ratio", "0.4", "--json");
        Assert.Equal(0, run.Code);
        JsonElement small = Assert.Single(run.Json), layer = Assert.Single(small.GetProperty("Layers").EnumerateArray());
        Assert.Equal("TensorTrain(4x6x4, 2x4x8)", layer.GetProperty("Method").GetString());
        Assert.InRange(layer.GetProperty("Parameters").GetInt64(), 1, (long)(0.4 * 96 * 64));
        CliRun merged = await CliRun.Of("merge", small.GetProperty("Path").GetString()!, "--json");
        Assert.Equal(96 * 64, Assert.Single(merged.Json).GetProperty("Parameters").GetInt64());
    }

    [Fact]
    public async Task The_table_says_method_and_ranks()
    {
        CliRun run = await CliRun.Of("factorize", Model(), "--method", "tensortrain", "--rank", "4", "--what-if");
        Assert.Contains(run.Out.Split('\n'), line => line.StartsWith("fc.weight", StringComparison.Ordinal) && line.Contains("TensorTrain", StringComparison.Ordinal) && line.Contains("4 x 4", StringComparison.Ordinal));
        Assert.Equal(2, (await CliRun.Of("factorize", Model(), "--method", "tensortrain", "--mode-split", "64", "--rank", "4")).Code);
    }

    [Fact]
    public async Task Layers_are_timed_against_cores()
    {
        CliRun run = await CliRun.Of("speed", "--shape", "96x64", "--method", "tensortrain", "--rank", "2,4", "--runs", "2", "--json");
        Assert.Equal(0, run.Code);
        Assert.Equal(["[2,2]", "[4,4]"], run.Json.Select(s => s.GetProperty("Ranks").GetRawText()));
        Assert.All(run.Json, s => Assert.True(s.GetProperty("SpeedUp").GetDouble() > 0));
    }
}
