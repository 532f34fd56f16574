using System.Text.Json;
using LowRankTools.Cli.Output;
using LowRankTools.Tests;

namespace LowRankTools.Cli.Tests.Commands;

public sealed class CountTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Parameters_are_the_products_of_the_shapes()
    {
        CliRun run = await CliRun.Of("count", _folder.Model(), "--json");
        JsonElement count = Assert.Single(run.Json);
        Assert.Equal(TestFolder.Parameters, count.GetProperty("Parameters").GetInt64());
        Assert.Equal(TestFolder.Parameters * 4, count.GetProperty("RunBytes").GetInt64());
        Assert.Equal(JsonValueKind.Null, count.GetProperty("LayerShapes").ValueKind);
    }

    [Fact]
    public async Task A_model_on_a_server_is_counted_and_listed_by_its_header()
    {
        using FileServer server = new();
        string file = _folder.Model(), address = server.Serve("/net.safetensors", File.ReadAllBytes(file));
        CliRun count = await CliRun.Of("count", address, "--json"), shapes = await CliRun.Of("shapes", address, "--json");
        JsonElement counted = Assert.Single(count.Json);
        Assert.Equal(TestFolder.Parameters, counted.GetProperty("Parameters").GetInt64());
        Assert.Equal(TestFolder.Parameters, shapes.Json.Sum(l => l.GetProperty("Parameters").GetInt64()));
        Assert.Equal(server.BodyBytes, 2 * counted.GetProperty("TransferredBytes").GetInt64());
    }

    [Fact]
    public async Task A_servers_refusal_is_one_line_and_the_exit_code_of_bad_input()
    {
        using FileServer server = new();
        CliRun run = await CliRun.Of("count", server.Root + "/absent.safetensors");
        Assert.Equal(ExitCode.BadInput, run.Code);
        Assert.Contains("RemoteNotFound", Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Equal(ExitCode.BadInput, (await CliRun.Of("factorize", server.Root + "/a.safetensors", "--rank", "2")).Code);
    }

    [Fact]
    public async Task A_folder_counts_like_the_file_in_it()
    {
        string file = _folder.Model("net/model.safetensors");
        CliRun byFile = await CliRun.Of("count", file, "--json"), byFolder = await CliRun.Of("count", _folder["net"], "--json");
        Assert.Equal(byFile.Out, byFolder.Out);
    }

    [Fact]
    public async Task Detailed_lists_the_layers_inside_the_one_object()
    {
        CliRun run = await CliRun.Of("count", _folder.Model(), "--detailed", "--json");
        JsonElement layers = Assert.Single(run.Json).GetProperty("LayerShapes");
        Assert.Equal(TestFolder.Parameters, layers.EnumerateArray().Sum(l => l.GetProperty("Parameters").GetInt64()));
    }

    [Fact]
    public async Task Detailed_text_names_every_layer()
    {
        CliRun run = await CliRun.Of("count", _folder.Model(), "--detailed");
        Assert.Contains("mlp.down.weight", run.Out, StringComparison.Ordinal);
        Assert.Contains("24 x 48", run.Out, StringComparison.Ordinal);
        CliRun brief = await CliRun.Of("count", _folder.Model());
        Assert.DoesNotContain("mlp.down.weight", brief.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_models_end_in_their_sum()
    {
        _folder.Model("a.safetensors");
        _folder.Model("b.safetensors");
        CliRun run = await CliRun.Of("count", _folder.Root);
        Assert.Contains(Figures.Count(2 * TestFolder.Parameters), run.Out.TrimEnd().Split('\n')[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Recurse_looks_into_subfolders_and_only_then()
    {
        _folder.Model("a/b/model.safetensors");
        CliRun flat = await CliRun.Of("count", _folder.Root, "--json"), deep = await CliRun.Of("count", _folder.Root, "--recurse", "--json");
        Assert.Equal(1, flat.Code);
        Assert.Contains("NoModelsFound", flat.Error, StringComparison.Ordinal);
        Assert.Contains("--recurse", flat.Error, StringComparison.Ordinal);
        Assert.Equal(0, deep.Code);
        Assert.Single(deep.Json);
    }

    [Fact]
    public async Task A_model_that_two_paths_lead_to_counts_once()
    {
        string file = _folder.Model("net/model.safetensors");
        CliRun run = await CliRun.Of("count", file, _folder["net"], Path.Combine(_folder["net"], ".", "model.safetensors"), "--json");
        Assert.Single(run.Json);
    }

    [Theory]
    [InlineData("*.safetensors")]
    [InlineData("mod??.safe*")]
    [InlineData("../*/model.safetensors")]
    public async Task Wildcards_that_the_shell_left_alone_are_expanded(string pattern)
    {
        _folder.Model("net/model.safetensors");
        _folder.Text("net/config.json", "{}");
        CliRun run = await CliRun.Of("count", Path.Combine(_folder["net"], pattern), "--json");
        Assert.Equal(0, run.Code);
        Assert.Single(run.Json);
    }

    [Fact]
    public async Task A_path_may_begin_with_an_at_sign()
    {
        // Response files would read it as a list of arguments.
        CliRun run = await CliRun.Of("count", "@scope/no-such-model");
        Assert.Equal(1, run.Code);
        Assert.Contains("PathNotFound", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bad_files_get_one_line_each_and_the_others_go_on()
    {
        string good = _folder.Model("good.safetensors");
        string bad = _folder.Text("bad.safetensors", "not a model at all, but long enough to be one");
        string gone = _folder["gone.safetensors"];
        CliRun run = await CliRun.Of("count", bad, gone, good, "--json");
        Assert.Equal(1, run.Code);
        Assert.Single(run.Json);
        Assert.Equal(2, run.ErrorLines.Length);
        Assert.All(run.ErrorLines, line => Assert.Matches("^error [A-Z][A-Za-z]+: ", line));
        Assert.Contains(bad, run.ErrorLines[0], StringComparison.Ordinal);
        Assert.Contains(gone, run.ErrorLines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task How_a_model_was_found_is_said_beside_the_results()
    {
        _folder.Model("net/model.safetensors");
        _folder.Text("net/pytorch_model.bin", "x");
        CliRun run = await CliRun.Of("count", _folder["net"], "--json");
        Assert.Equal(0, run.Code);
        Assert.Single(run.Json);
        Assert.StartsWith("note: ", run.Error, StringComparison.Ordinal);
    }
}
