namespace LowRankTools.Cli.Tests.Commands;

public sealed class LoraTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private Task<CliRun> Export(string output = "a.safetensors", int seed = 2) =>
        CliRun.Of("lora", "export", _folder.Model($"tuned{seed}.safetensors", seed), "--base-path", _folder.Model(), "--energy", "1", "--output-path", _folder[output], "--json");

    [Fact]
    public async Task What_is_exported_whole_and_merged_is_the_tuned_model()
    {
        CliRun export = await Export();
        Assert.Equal(0, export.Code);
        string first = export.Json[0].GetProperty("NotCarried")[0].GetString()!;
        Assert.Contains($"'{first}' among them", export.Error, StringComparison.Ordinal);
        CliRun merged = await CliRun.Of("lora", "merge", _folder["a.safetensors"], "--base-path", _folder["model.safetensors"], "--output-path", _folder["merged.safetensors"]);
        Assert.Equal(0, merged.Code);
        Assert.Contains("4 weights changed", merged.Out, StringComparison.Ordinal);
        CliRun compared = await CliRun.Of("compare", _folder["merged.safetensors"], "--reference-path", _folder["tuned2.safetensors"], "--json");
        Assert.All(compared.Json.Where(d => d.GetProperty("Name").GetString() is "attn.to_q.weight" or "conv.weight"), d => Assert.InRange(d.GetProperty("RelativeError").GetDouble(), 0, 1e-5));
    }

    [Fact]
    public async Task Adapters_are_joined_with_their_weights()
    {
        await Export("a.safetensors", 2);
        await Export("b.safetensors", 3);
        CliRun run = await CliRun.Of("lora", "join", _folder["a.safetensors"], _folder["b.safetensors"], "--weight", "1,-0.5", "--rank", "2", "--output-path", _folder["joined"]);
        Assert.Equal(0, run.Code);
        Assert.Contains("Svd Rank 2", run.Out, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder["joined/adapter_config.json"]));
        CliRun one = await CliRun.Of("lora", "join", _folder["a.safetensors"]);
        Assert.Equal(2, one.Code);
    }

    [Fact]
    public async Task An_adapter_is_written_for_ONNX_Runtime_and_read_again()
    {
        _folder.Write("tuned.safetensors", 2, ("a.weight", [24, 20]));
        _folder.Write("base.safetensors", 1, ("a.weight", [24, 20]));
        Assert.Equal(0, (await CliRun.Of("lora", "export", _folder["tuned.safetensors"], "--base-path", _folder["base.safetensors"], "--rank", "3", "--output-path", _folder["peft"])).Code);
        CliRun run = await CliRun.Of("lora", "convert", _folder["peft"], "--output-path", _folder["a.onnx_adapter"], "--json");
        Assert.Equal((0, "OnnxRuntime"), (run.Code, run.Json[0].GetProperty("Layout").GetString()));
        Assert.Equal(0, (await CliRun.Of("lora", "test", _folder["a.onnx_adapter"], "--base-path", _folder["base.safetensors"])).Code);
    }

    [Fact]
    public async Task A_calibrated_export_shows_its_error_and_names_what_the_file_does_not_know()
    {
        string inputs = _folder.Write("seen.safetensors", 5, ("mlp.up.inputs", [60, 24]));
        string[] words = ["lora", "export", _folder.Model("tuned.safetensors", 2), "--base-path", _folder.Model(), "--rank", "2", "--calibration", inputs, "--output-path", _folder["a.safetensors"]];
        CliRun run = await CliRun.Of(words);
        Assert.Equal(0, run.Code);
        Assert.Contains("calibrated  ", run.Out, StringComparison.Ordinal);
        Assert.Contains("attn.to_q", run.Error.Split('\n').Single(l => l.StartsWith("note:", StringComparison.Ordinal)), StringComparison.Ordinal);
        CliRun json = await CliRun.Of([.. words, "--calibration-mode", "diagonal", "--force", "--json"]);
        Assert.InRange(json.Json[0].GetProperty("CalibratedError").GetDouble(), 0.01, 1);
        Assert.Equal(2, (await CliRun.Of("lora", "export", _folder["tuned.safetensors"], "--base-path", _folder["model.safetensors"], "--rank", "2", "--calibration-mode", "full")).Code);
    }

    [Fact]
    public async Task Lotr_is_exported_and_converted_to_pairs_exactly()
    {
        CliRun export = await CliRun.Of("lora", "export", _folder.Model("tuned.safetensors", 2), "--base-path", _folder.Model(), "--rank", "2", "--layout", "lotr", "--output-path", _folder["lotr.safetensors"], "--json");
        Assert.Equal((0, "Lotr"), (export.Code, export.Json[0].GetProperty("Layout").GetString()));
        CliRun pairs = await CliRun.Of("lora", "convert", _folder["lotr.safetensors"], "--output-path", _folder["pairs"], "--json");
        Assert.Equal((0, 0.0), (pairs.Code, pairs.Json[0].GetProperty("RelativeError").GetDouble()));
        Assert.Equal(0, (await CliRun.Of("lora", "test", _folder["lotr.safetensors"], "--base-path", _folder["model.safetensors"])).Code);
        CliRun fresh = await CliRun.Of("lora", "new", _folder["model.safetensors"], "--rank", "2", "--layout", "lotr", "--output-path", _folder["new.safetensors"]);
        Assert.Equal(0, fresh.Code);
        Assert.Equal(2, (await CliRun.Of("lora", "convert", _folder["pairs"], "--layout", "lotr")).Code);
    }

    [Fact]
    public async Task A_test_says_what_keeps_both_apart_and_returns_1()
    {
        await Export();
        Assert.Equal(0, (await CliRun.Of("lora", "test", _folder["a.safetensors"], "--base-path", _folder["model.safetensors"])).Code);
        string other = _folder.Write("other.safetensors", 1, ("mlp.up.weight", [48, 25]));
        CliRun run = await CliRun.Of("lora", "test", _folder["a.safetensors"], "--base-path", other);
        Assert.Equal(1, run.Code);
        Assert.Contains("module 'mlp.up'", run.Out, StringComparison.Ordinal);
        Assert.Contains("does not fit", run.Out, StringComparison.Ordinal);
        CliRun merge = await CliRun.Of("lora", "merge", _folder["a.safetensors"], "--base-path", other);
        Assert.Equal(1, merge.Code);
        Assert.StartsWith("error AdapterDoesNotFit: ", Assert.Single(merge.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_if_writes_nothing_and_existing_output_is_kept_unless_forced()
    {
        await Export();
        string before = _folder.Snapshot();
        CliRun plan = await CliRun.Of("lora", "resize", _folder["a.safetensors"], "--rank", "1", "--what-if", "--json");
        Assert.False(Assert.Single(plan.Json).GetProperty("Written").GetBoolean());
        Assert.Equal(before, _folder.Snapshot());
        Assert.Equal(0, (await CliRun.Of("lora", "resize", _folder["a.safetensors"], "--rank", "1")).Code);
        Assert.Contains("OutputExists", (await CliRun.Of("lora", "resize", _folder["a.safetensors"], "--rank", "1")).Error, StringComparison.Ordinal);
        Assert.Equal(0, (await CliRun.Of("lora", "resize", _folder["a.safetensors"], "--rank", "1", "--force")).Code);
    }
}
