using System.Text.Json;
using LowRankTools.Cli.Commands;
using LowRankTools.Cli.Output;

namespace LowRankTools.Cli.Tests.Commands;

public sealed class FactorizeTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private Task<CliRun> Run(params string[] options) => CliRun.Of(["factorize", _folder.Model("net/model.safetensors"), "--json", .. options]);

    private static List<JsonElement> Pairs(CliRun run) =>
        [.. Assert.Single(run.Json).GetProperty("Layers").EnumerateArray().Where(l => l.GetProperty("Rank").ValueKind == JsonValueKind.Number)];

    [Fact]
    public async Task A_rank_holds_for_every_linear_layer_and_the_smaller_model_is_written()
    {
        CliRun run = await Run("--rank", "4");
        Assert.Equal(0, run.Code);
        Assert.Equal(["attn.to_q.weight", "mlp.down.weight", "mlp.up.weight"], Pairs(run).Select(l => l.GetProperty("Name").GetString()!).Order());
        Assert.All(Pairs(run), l => Assert.Equal(4, l.GetProperty("Rank").GetInt32()));
        CliRun counted = await CliRun.Of("count", _folder["net-lowrank"], "--json");
        Assert.Equal(run.Json[0].GetProperty("Parameters").GetInt64(), counted.Json[0].GetProperty("Parameters").GetInt64());
    }

    [Fact]
    public async Task A_calibration_shows_its_errors_and_names_what_it_does_not_know()
    {
        string inputs = _folder.Write("inputs.safetensors", 9, ("mlp.up.inputs", [60, 24]));
        CliRun run = await Run("--rank", "4", "--calibration", inputs);
        Assert.Equal(0, run.Code);
        JsonElement up = Pairs(run).Single(l => l.GetProperty("Name").GetString() == "mlp.up.weight");
        Assert.True(up.GetProperty("CalibratedError").GetDouble() < up.GetProperty("HeldOutError").GetDouble());
        Assert.Contains("mlp.down.weight", run.Error, StringComparison.Ordinal);
        CliRun table = await CliRun.Of("factorize", _folder["net/model.safetensors"], "--rank", "4", "--calibration", inputs, "--calibration-mode", "diagonal", "--calibration-refit", "--force");
        Assert.Contains("Held out", table.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Layers_share_a_basis_by_a_rule_and_by_a_plan()
    {
        string model = _folder.Write("blocks.safetensors", 3, ("h.0.q.weight", [24, 16]), ("h.1.q.weight", [24, 16]), ("h.0.o.weight", [16, 16]), ("h.1.o.weight", [16, 16]));
        CliRun run = await CliRun.Of("factorize", model, "--keep-ratio", "0.5", "--share-basis", "2", "--share-basis-exclude", "*.o", "--json", "--output-path", _folder["ruled"]);
        Assert.Equal(0, run.Code);
        Assert.Equal("h.0.q.weight", Assert.Single(Pairs(run), l => l.GetProperty("Basis").ValueKind == JsonValueKind.String).GetProperty("Basis").GetString());
        Assert.Equal(0, (await CliRun.Of("plan", model, "--keep-ratio", "0.5", "--share-basis", "2", "--share-basis-exclude", "*.o", "--output", _folder["p.plan.json"])).Code);
        CliRun table = await CliRun.Of("factorize", "--plan", _folder["p.plan.json"], "--output-path", _folder["planned"]);
        Assert.Contains("1 layer of these", table.Out, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(run.Json[0].GetProperty("Path").GetString()!), File.ReadAllBytes(_folder["planned/blocks/model.safetensors"]));
        Assert.Equal(2, (await Run("--rank", "4", "--share-basis", "1")).Code);
    }

    [Fact]
    public async Task A_graph_of_TensorFlowJs_stays_one_where_it_is_asked_for()
    {
        Directory.CreateDirectory(_folder["tf"]);
        File.WriteAllText(_folder["tf/model.json"], """{"modelTopology":{"node":[{"name":"x","op":"Placeholder"},{"name":"w","op":"Const"},{"name":"y","op":"MatMul","input":["x","w"]}]},"weightsManifest":[{"paths":["s"],"weights":[{"name":"w","shape":[16,16],"dtype":"float32"}]}]}""");
        Random random = new(1);
        File.WriteAllBytes(_folder["tf/s"], [.. Enumerable.Range(0, 256).SelectMany(_ => BitConverter.GetBytes(random.NextSingle()))]);
        CliRun run = await CliRun.Of("factorize", _folder["tf/model.json"], "--rank", "3", "--format", "TensorFlowJs", "--output-path", _folder["small"], "--json");
        Assert.Equal((0, "model.json"), (run.Code, Path.GetFileName(run.Json[0].GetProperty("Path").GetString())));
        CliRun shapes = await CliRun.Of("shapes", run.Json[0].GetProperty("Path").GetString()!, "--json");
        Assert.Equal(["w.0.weight", "w.1.weight"], shapes.Json.Select(s => s.GetProperty("Name").GetString()));
        Assert.NotEqual(0, (await CliRun.Of("factorize", _folder.Model(), "--rank", "3", "--format", "TensorFlowJs")).Code);
    }

    [Fact]
    public async Task A_mode_without_a_calibration_is_refused()
    {
        Assert.Equal(2, (await Run("--rank", "4", "--calibration-mode", "full")).Code);
    }

    [Fact]
    public async Task A_kept_ratio_is_not_exceeded()
    {
        CliRun run = await Run("--keep-ratio", "0.5");
        Assert.NotEmpty(Pairs(run));
        Assert.All(Pairs(run), l => Assert.InRange(l.GetProperty("Parameters").GetInt64(), 1, l.GetProperty("ParametersBefore").GetInt64() / 2));
    }

    [Fact]
    public async Task An_energy_bounds_the_error()
    {
        CliRun run = await Run("--energy", "0.5");
        Assert.NotEmpty(Pairs(run));
        Assert.All(Pairs(run), l => Assert.InRange(l.GetProperty("RelativeError").GetDouble(), 0, Math.Sqrt(0.5) + 1e-3));
    }

    [Fact]
    public async Task Include_exclude_and_include_embedding_choose_the_layers()
    {
        Assert.Equal("mlp.up.weight", Assert.Single(Pairs(await Run("--rank", "2", "--include", "mlp.*", "--exclude", "*.down", "--what-if"))).GetProperty("Name").GetString());
        Assert.Contains("embed.weight", Pairs(await Run("--rank", "2", "--include-embedding", "--what-if")).Select(l => l.GetProperty("Name").GetString()));
    }

    [Fact]
    public async Task What_if_writes_nothing_and_says_what_the_run_then_does()
    {
        _folder.Model("net/model.safetensors");
        string before = _folder.Snapshot();
        CliRun planned = await Run("--rank", "4", "--first-bias", "--what-if");
        Assert.Equal(before, _folder.Snapshot());
        CliRun done = await Run("--rank", "4", "--first-bias");
        foreach (string property in new[] { "Path", "Parameters", "Bytes", "FactorizedLayers", "KeptLayers" })
            Assert.Equal(planned.Json[0].GetProperty(property).ToString(), done.Json[0].GetProperty(property).ToString());
        Assert.False(planned.Json[0].GetProperty("Written").GetBoolean());
        Assert.True(done.Json[0].GetProperty("Written").GetBoolean());
    }

    [Fact]
    public async Task What_if_tells_the_bytes_of_every_layer()
    {
        CliRun shown = await CliRun.Of("factorize", _folder.Model(), "--rank", "4", "--what-if");
        string[] row = shown.Out.Split('\n').Single(l => l.StartsWith("mlp.up.weight", StringComparison.Ordinal)).Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal([Figures.Bytes(48 * 24 * sizeof(float)), Figures.Bytes(4 * (48 + 24) * sizeof(float))], row[^2..]);
    }

    [Fact]
    public async Task Two_runs_write_the_same_bytes_whatever_the_threads()
    {
        await Run("--rank", "5", "--seed", "7", "--thread-count", "1", "--output-path", _folder["one.safetensors"]);
        await Run("--rank", "5", "--seed", "7", "--thread-count", "2", "--output-path", _folder["two.safetensors"]);
        Assert.Equal(TestFolder.Hash(_folder["one.safetensors"]), TestFolder.Hash(_folder["two.safetensors"]));
    }

    [Fact]
    public async Task Existing_output_is_kept_unless_forced()
    {
        Assert.Equal(0, (await Run("--rank", "4")).Code);
        string before = _folder.Snapshot();
        CliRun refused = await Run("--rank", "3");
        Assert.Equal(1, refused.Code);
        Assert.StartsWith("error OutputExists: ", refused.Error, StringComparison.Ordinal);
        Assert.Contains("--force", refused.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("-Force", refused.Error, StringComparison.Ordinal);
        Assert.Equal(before, _folder.Snapshot());
        Assert.Equal(0, (await Run("--rank", "3", "--force")).Code);
        Assert.NotEqual(before, _folder.Snapshot());
    }

    [Fact]
    public async Task The_source_is_never_the_target_even_when_forced()
    {
        string source = _folder.Model("net/model.safetensors"), hash = TestFolder.Hash(source);
        CliRun run = await Run("--rank", "4", "--output-path", source, "--force");
        Assert.Equal(1, run.Code);
        Assert.StartsWith("error OutputIsSource: ", run.Error, StringComparison.Ordinal);
        Assert.Equal(hash, TestFolder.Hash(source));
    }

    [Fact]
    public async Task An_output_folder_gets_a_folder_for_each_model()
    {
        _folder.Model("a.safetensors");
        _folder.Model("b.safetensors", seed: 2);
        CliRun run = await CliRun.Of("factorize", _folder["*.safetensors"], "--rank", "3", "--output-path", _folder["out"], "--json");
        Assert.Equal(0, run.Code);
        Assert.Equal([_folder["out/a/model.safetensors"], _folder["out/b/model.safetensors"]], run.Json.Select(e => e.GetProperty("Path").GetString()!));
        Assert.All(run.Json, e => Assert.True(File.Exists(e.GetProperty("Path").GetString())));
    }

    [Fact]
    public async Task Two_models_are_not_written_to_one_file()
    {
        _folder.Model("a.safetensors");
        _folder.Model("b.safetensors", seed: 2);
        CliRun run = await CliRun.Of("factorize", _folder.Root, "--rank", "3", "--output-path", _folder["out.safetensors"], "--force", "--json");
        Assert.Equal(1, run.Code);
        Assert.Single(run.Json);
        Assert.StartsWith("error OutputCollision: ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shards_have_at_most_the_given_size_and_are_one_model_again()
    {
        CliRun run = await Run("--rank", "4", "--max-shard-size", "5kB");
        Assert.Equal(0, run.Code);
        Assert.EndsWith(".index.json", run.Json[0].GetProperty("Path").GetString(), StringComparison.Ordinal);
        Assert.True(Directory.GetFiles(_folder["net-lowrank"], "*.safetensors").Length > 1);
        CliRun counted = await CliRun.Of("count", _folder["net-lowrank"], "--json");
        Assert.Equal(run.Json[0].GetProperty("Parameters").GetInt64(), Assert.Single(counted.Json).GetProperty("Parameters").GetInt64());
    }

    [Theory]
    [InlineData("out.pt", null, "PyTorch")]
    [InlineData("folder", "pytorch", "PyTorch")]
    [InlineData("out.safetensors", null, "Safetensors")]
    [InlineData("out.safetensors", "SafeTensors", "Safetensors")]
    public async Task The_format_is_that_of_the_name_or_the_option(string path, string? format, string expected)
    {
        CliRun run = await Run(["--rank", "4", "--output-path", _folder[path], .. format is null ? [] : new[] { "--format", format }]);
        Assert.Equal(0, run.Code);
        CliRun counted = await CliRun.Of("count", run.Json[0].GetProperty("Path").GetString()!, "--json");
        Assert.Equal(expected, Assert.Single(counted.Json).GetProperty("Format").GetString());
        Assert.Equal(run.Json[0].GetProperty("Parameters").GetInt64(), counted.Json[0].GetProperty("Parameters").GetInt64());
    }

    [Theory]
    [InlineData("f16", 2)]
    [InlineData("BF16", 2)]
    [InlineData("f64", 8)]
    public async Task Factors_have_the_element_type_that_was_asked_for(string dtype, int bytes)
    {
        CliRun run = await Run("--rank", "4", "--dtype", dtype, "--what-if");
        Assert.All(Pairs(run), l => Assert.Equal(bytes * l.GetProperty("Parameters").GetInt64(), l.GetProperty("Bytes").GetInt64()));
    }

    [Theory]
    [InlineData("left")]
    [InlineData("right")]
    [InlineData("Balanced")]
    public async Task Every_split_has_the_same_error(string split)
    {
        CliRun run = await Run("--rank", "4", "--split", split), plain = await Run("--rank", "4", "--force");
        Assert.Equal(plain.Json[0].GetProperty("RelativeError").GetDouble(), run.Json[0].GetProperty("RelativeError").GetDouble(), 1e-6);
        Assert.Contains($"\"Split\": \"{split}\"", File.ReadAllText(_folder["net-lowrank/lowrank.json"]).Replace("Balanced", split, StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task First_bias_adds_zeros_for_both_factors_where_they_are_missing()
    {
        CliRun without = await Run("--rank", "4", "--include", "attn*", "--what-if"), with = await Run("--rank", "4", "--include", "attn*", "--first-bias", "--what-if");
        Assert.Equal(4 + 24, with.Json[0].GetProperty("Parameters").GetInt64() - without.Json[0].GetProperty("Parameters").GetInt64());
    }

    [Fact]
    public async Task A_weight_that_holds_nan_is_named_and_leaves_nothing_behind()
    {
        string bad = _folder.Write("nan.safetensors", [("layer.weight", [8, 8])], i => i == 5 ? float.NaN : i);
        CliRun run = await CliRun.Of("factorize", bad, "--rank", "2");
        Assert.Equal(1, run.Code);
        Assert.Matches("^error NonFiniteValues: .*nan.safetensors.*'layer.weight'.*--exclude", Assert.Single(run.ErrorLines));
        Assert.False(Directory.Exists(_folder["nan-lowrank"]));
    }

    [Fact]
    public async Task The_table_says_why_layers_stay_dense()
    {
        CliRun run = await CliRun.Of("factorize", _folder.Model(), "--rank", "4", "--what-if");
        Assert.Contains("--include-embedding", run.Out, StringComparison.Ordinal);
        Assert.Contains("no linear map", run.Out, StringComparison.Ordinal);
        Assert.Contains("not written", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_dense_layers_are_told_by_reason_only()
    {
        string model = _folder.Write("wide.safetensors", 1, [.. Enumerable.Range(0, 20).Select(i => ($"blocks.{i}.proj.weight", new long[] { 6, 6 }))]);
        CliRun run = await CliRun.Of("factorize", model, "--rank", "4", "--what-if");
        Assert.Contains("20 layers of 720 parameters stay dense", run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("blocks.3.", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_run_ends_with_130_and_leaves_nothing_behind()
    {
        string model = _folder.Model(), before = _folder.Snapshot();
        using StringWriter output = new(), error = new();
        int code = await ConsoleApp.RunAsync(["factorize", model, "--rank", "4"], output, error, new CancellationToken(canceled: true));
        Assert.Equal(130, code);
        Assert.Equal("", output.ToString());
        Assert.Equal(before, _folder.Snapshot());
    }
}
