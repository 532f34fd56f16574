using System.Text.Json;

namespace LowRankTools.Cli.Tests.Commands;

public sealed class DecomposeTests : IDisposable
{
    private const long Parameters = 12 * 10 * 3 * 3;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // A wave along the entries has few components in every unfolding.
    private string Kernel() => _folder.Write("net/model.safetensors", [("conv.weight", [12, 10, 3, 3])], i => MathF.Sin(i * 0.1f) + (0.01f * (i % 7)));

    [Theory]
    [InlineData("Tucker", "--rank", "3,3,2,2")]
    [InlineData("tensortrain", "--tolerance", "0.1")]
    [InlineData("Cp", "--rank", "3")]
    [InlineData("NonNegativeTucker", "--rank", "3,3,2,2")]
    [InlineData("RandomizedTucker", "--rank", "3,3,2,2")]
    [InlineData("RandomizedCp", "--rank", "3")]
    public async Task A_decomposed_model_merges_back_to_what_it_had(string method, string option, string value)
    {
        CliRun run = await CliRun.Of("decompose", Kernel(), "--method", method, option, value, "--json");
        Assert.Equal(0, run.Code);
        JsonElement small = Assert.Single(run.Json), kernel = Assert.Single(small.GetProperty("Tensors").EnumerateArray());
        Assert.Equal("None", kernel.GetProperty("Reason").GetString());
        Assert.True(small.GetProperty("Parameters").GetInt64() < Parameters);
        CliRun merged = await CliRun.Of("merge", small.GetProperty("Path").GetString()!, "--json");
        Assert.Equal(Parameters, Assert.Single(merged.Json).GetProperty("Parameters").GetInt64());
    }

    [Fact]
    public async Task An_expression_is_fitted_and_merges_back()
    {
        CliRun run = await CliRun.Of("decompose", Kernel(), "--expression", "A:or,B:ir,C:hwr->oihw", "--rank", "3", "--non-negative", "C", "--ridge-penalty", "1e-6", "--max-iteration", "300", "--json");
        Assert.Equal(0, run.Code);
        JsonElement small = Assert.Single(run.Json);
        Assert.Equal(["conv.weight.A", "conv.weight.B", "conv.weight.C"], small.GetProperty("Tensors")[0].GetProperty("Factors").EnumerateArray().Select(f => f.GetString()));
        Assert.Equal(0, (await CliRun.Of("merge", small.GetProperty("Path").GetString()!)).Code);
        Assert.Equal(2, (await CliRun.Of("decompose", Kernel(), "--method", "Cp", "--rank", "3", "--sparse-penalty", "1")).Code);
        Assert.Equal(2, (await CliRun.Of("decompose", Kernel(), "--method", "Cp", "--expression", "ir,jr->ij", "--rank", "3")).Code);
    }

    [Fact]
    public async Task What_if_computes_and_writes_nothing()
    {
        string model = Kernel(), before = _folder.Snapshot();
        CliRun run = await CliRun.Of("decompose", model, "--method", "Cp", "--rank", "2", "--what-if");
        Assert.Equal(0, run.Code);
        Assert.Contains("not written", run.Out, StringComparison.Ordinal);
        Assert.Equal(before, _folder.Snapshot());
    }

    [Fact]
    public async Task Existing_output_is_kept_unless_forced()
    {
        string model = Kernel();
        Assert.Equal(0, (await CliRun.Of("decompose", model, "--method", "Cp", "--rank", "2")).Code);
        Assert.Contains("OutputExists", (await CliRun.Of("decompose", model, "--method", "Cp", "--rank", "2")).Error, StringComparison.Ordinal);
        Assert.Equal(0, (await CliRun.Of("decompose", model, "--method", "Cp", "--rank", "2", "--force")).Code);
    }

    [Theory]
    [InlineData("--method", "Fourier", "--rank", "2")]
    [InlineData("--rank", "2")]
    [InlineData("--method", "Cp")]
    [InlineData("--method", "Cp", "--rank", "0")]
    [InlineData("--method", "Cp", "--tolerance", "0.1")]
    [InlineData("--method", "TensorTrain", "--tolerance", "1")]
    [InlineData("--method", "Tucker", "--rank", "2", "--mode", "-1")]
    public async Task A_line_that_makes_no_sense_is_told_so(params string[] options)
    {
        CliRun run = await CliRun.Of(["decompose", Kernel(), .. options]);
        Assert.Equal(2, run.Code);
        Assert.NotEmpty(run.ErrorLines);
    }

    [Fact]
    public async Task Another_format_is_refused()
    {
        CliRun run = await CliRun.Of("decompose", Kernel(), "--method", "Cp", "--rank", "2", "--format", "PyTorch");
        Assert.NotEqual(0, run.Code);
        Assert.Contains("OutputFormatNotWritten", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sweeps_that_ran_out_are_told_on_standard_error()
    {
        CliRun run = await CliRun.Of("decompose", Kernel(), "--method", "Cp", "--rank", "3", "--max-iteration", "1");
        Assert.Equal(0, run.Code);
        Assert.Contains("--max-iteration", run.Error, StringComparison.Ordinal);
    }
}
