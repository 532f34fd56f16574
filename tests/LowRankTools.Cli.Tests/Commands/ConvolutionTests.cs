using System.Text.Json;

namespace LowRankTools.Cli.Tests.Commands;

public sealed class ConvolutionTests : IDisposable
{
    private const long Parameters = (12 * 10 * 3 * 3) + (16 * 12);
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Model() => _folder.Write("net/model.safetensors", [("conv.weight", [12, 10, 3, 3]), ("head.weight", [16, 12])], i => MathF.Sin(i * 0.1f) + (0.01f * (i % 7)));

    [Theory]
    [InlineData("Svd")]
    [InlineData("tucker")]
    [InlineData("Cp")]
    [InlineData("spatialsvd")]
    [InlineData("Auto")]
    public async Task A_factorized_convolution_merges_back_to_what_it_had(string method)
    {
        CliRun run = await CliRun.Of("factorize", Model(), "--method", method, "--keep-ratio", "0.5", "--json");
        Assert.Equal(0, run.Code);
        JsonElement small = Assert.Single(run.Json), layer = small.GetProperty("Layers").EnumerateArray().Single(l => l.GetProperty("Name").GetString() == "conv.weight");
        Assert.Equal("None", layer.GetProperty("Reason").GetString());
        Assert.InRange(layer.GetProperty("Parameters").GetInt64(), 1, 540);
        CliRun merged = await CliRun.Of("merge", small.GetProperty("Path").GetString()!, "--json");
        Assert.Equal(Parameters, Assert.Single(merged.Json).GetProperty("Parameters").GetInt64());
    }

    [Fact]
    public async Task The_table_says_method_and_ranks()
    {
        CliRun run = await CliRun.Of("factorize", Model(), "--method", "tucker", "--rank", "4", "--what-if");
        Assert.Equal(0, run.Code);
        Assert.Contains(run.Out.Split('\n'), line => line.StartsWith("conv.weight", StringComparison.Ordinal) && line.Contains("Tucker", StringComparison.Ordinal) && line.Contains("4 x 4", StringComparison.Ordinal));
        Assert.Contains(run.Out.Split('\n'), line => line.StartsWith("head.weight", StringComparison.Ordinal) && line.Contains("Svd", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_kernel_that_is_named_becomes_a_chain_of_transposed_ones()
    {
        string[] rule = ["--method", "tucker", "--keep-ratio", "0.5", "--transposed-convolution", "conv"];
        CliRun run = await CliRun.Of(["factorize", Model(), .. rule, "--json"]), plan = await CliRun.Of(["plan", Model(), .. rule, "--json"]);
        foreach (JsonElement result in run.Json.Concat(plan.Json))
            Assert.Equal("Tucker(transposed)", result.GetProperty("Layers").EnumerateArray().Single(l => l.GetProperty("Name").GetString() == "conv.weight").GetProperty("Method").GetString());
    }

    [Fact]
    public async Task A_plan_of_convolutions_is_carried_out()
    {
        CliRun plan = await CliRun.Of("plan", Model(), "--method", "auto", "--target-reduction", "2", "--output", _folder["half.plan.json"]);
        Assert.Equal(0, plan.Code);
        CliRun run = await CliRun.Of("factorize", "--plan", _folder["half.plan.json"], "--json");
        Assert.Equal(0, run.Code);
        Assert.InRange(Assert.Single(run.Json).GetProperty("Parameters").GetInt64(), 1, Parameters / 2);
        Assert.Equal(2, (await CliRun.Of("factorize", Model(), "--method", "trucker", "--rank", "4")).Code);
    }

    [Fact]
    public async Task Layers_over_modes_are_timed()
    {
        CliRun run = await CliRun.Of("speed", "--input-shape", "6x4x5", "--output-shape", "3x2x2", "--keep-ratio", "0.4", "--batch-size", "4", "--runs", "2", "--json");
        Assert.Equal(0, run.Code);
        Assert.Equal(["Contraction", "Cp", "Tucker", "TensorTrain"], run.Json.Select(s => s.GetProperty("Method").GetString()));
        Assert.All(run.Json.Skip(1), s => Assert.InRange(s.GetProperty("Parameters").GetInt64(), 1, 0.4 * s.GetProperty("ParametersBefore").GetInt64()));
        CliRun table = await CliRun.Of("speed", "--input-shape", "6x4x5", "--output-shape", "10", "--layer", "tucker", "--rank", "2", "--runs", "2");
        Assert.Contains(table.Out.Split('\n'), line => line.StartsWith("Tucker", StringComparison.Ordinal) && line.Contains("2 x 2 x 2 x 2", StringComparison.Ordinal));
        Assert.Equal(2, (await CliRun.Of("speed", "--input-shape", "6x4x5")).Code);
        Assert.Equal(2, (await CliRun.Of("speed", "--input-shape", "6x4x5", "--output-shape", "10", "--shape", "8x4")).Code);
    }

    [Fact]
    public async Task Kernels_are_timed_against_every_chain()
    {
        CliRun run = await CliRun.Of("speed", "--kernel", "12x10x3x3", "--image-size", "6x5", "--runs", "2", "--json");
        Assert.Equal(0, run.Code);
        Assert.Equal(["Svd", "Tucker", "Cp", "SpatialSvd"], run.Json.Select(s => s.GetProperty("Method").GetString()));
        Assert.All(run.Json, s => Assert.True(s.GetProperty("SpeedUp").GetDouble() > 0));
    }
}
