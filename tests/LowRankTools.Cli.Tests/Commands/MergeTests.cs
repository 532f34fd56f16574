using System.Text.Json;

namespace LowRankTools.Cli.Tests.Commands;

public sealed class MergeTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private async Task<string> Factorized()
    {
        CliRun run = await CliRun.Of("factorize", _folder.Model("net/model.safetensors"), "--rank", "4", "--json");
        return run.Json[0].GetProperty("Path").GetString()!;
    }

    [Fact]
    public async Task A_merged_model_has_the_parameters_that_it_had_first()
    {
        CliRun run = await CliRun.Of("merge", await Factorized(), "--json");
        JsonElement merged = Assert.Single(run.Json);
        Assert.Equal(0, run.Code);
        Assert.Equal(TestFolder.Parameters, merged.GetProperty("Parameters").GetInt64());
        Assert.Equal(3, merged.GetProperty("MergedLayers").GetInt32());
        Assert.True(File.Exists(merged.GetProperty("Path").GetString()));
    }

    [Fact]
    public async Task A_dense_model_cannot_be_merged()
    {
        CliRun run = await CliRun.Of("merge", _folder.Model());
        Assert.Equal(1, run.Code);
        Assert.StartsWith("error NoFactorsFound: ", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
        Assert.Contains("lowrank factorize", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_if_writes_nothing()
    {
        string factorized = await Factorized(), before = _folder.Snapshot();
        CliRun run = await CliRun.Of("merge", factorized, "--what-if", "--json");
        Assert.False(Assert.Single(run.Json).GetProperty("Written").GetBoolean());
        Assert.Equal(before, _folder.Snapshot());
    }

    [Fact]
    public async Task Existing_output_is_kept_unless_forced()
    {
        string factorized = await Factorized();
        Assert.Equal(0, (await CliRun.Of("merge", factorized)).Code);
        Assert.Contains("OutputExists", (await CliRun.Of("merge", factorized)).Error, StringComparison.Ordinal);
        Assert.Equal(0, (await CliRun.Of("merge", factorized, "--force")).Code);
    }

    [Fact]
    public async Task Options_of_the_output_are_heeded()
    {
        CliRun run = await CliRun.Of("merge", await Factorized(), "--dtype", "f16", "--max-shard-size", "3000", "--output-path", _folder["out"], "--json");
        Assert.Equal(0, run.Code);
        string entry = run.Json[0].GetProperty("Path").GetString()!;
        Assert.StartsWith(_folder["out"], entry, StringComparison.Ordinal);
        CliRun shapes = await CliRun.Of("shapes", entry, "--kind", "linear", "--json");
        Assert.All(shapes.Json, e => Assert.Equal("F16", e.GetProperty("DType").GetString()));
        Assert.True(Directory.GetFiles(Path.GetDirectoryName(entry)!, "*.safetensors").Length > 1);
    }

    [Fact]
    public async Task The_text_says_what_was_written_where()
    {
        CliRun run = await CliRun.Of("merge", await Factorized());
        Assert.Contains("3 weights merged", run.Out, StringComparison.Ordinal);
        Assert.Contains("net-lowrank-merged", run.Out, StringComparison.Ordinal);
    }
}
