using System.Text.Json;
using LowRankTools.Core.Architectures;
using LowRankTools.Networks.Architectures;

namespace LowRankTools.Cli.Tests.Commands;

/// <summary>From a text to a calibration, a smaller model, its training and its judgement.</summary>
public sealed class QualityTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_model_is_calibrated_factorized_trained_and_judged()
    {
        await Model();
        CliRun calibrated = await CliRun.Of("calibrate", _folder["gpt"], "--token-path", _folder["tokens.txt"], "--output-path", _folder["c.safetensors"], "--json");
        Assert.Equal(("NextToken", 8), (One(calibrated).GetProperty("Gradients").GetString(), One(calibrated).GetProperty("Layers").GetInt32()));
        CliRun small = await CliRun.Of("factorize", _folder["gpt"], "--keep-ratio", "0.3", "--calibration", _folder["c.safetensors"], "--output-path", _folder["small.safetensors"], "--json");
        Assert.Equal(8, One(small).GetProperty("FactorizedLayers").GetInt32());
        File.Copy(_folder["gpt/config.json"], _folder["config.json"]);
        CliRun trained = await CliRun.Of("optimize", _folder["small.safetensors"], "--reference-path", _folder["gpt"], "--token-path", _folder["tokens.txt"], "--steps", "4", "--learning-rate", "0.002", "--output-path", _folder["better.safetensors"], "--json");
        Assert.Equal(("Scores", 4), (One(trained).GetProperty("Goal").GetString(), One(trained).GetProperty("Curve").GetArrayLength()));
        CliRun quality = await CliRun.Of("quality", _folder["small.safetensors"], _folder["better.safetensors"], "--reference-path", _folder["gpt"], "--token-path", _folder["tokens.txt"], "--json");
        Assert.Equal([40, 40], quality.Json.Select(q => q.GetProperty("Lines").GetInt32()));
        Assert.All(quality.Json, q => Assert.InRange(q.GetProperty("Perplexity").GetDouble(), 1, 5000));
        string shown = (await CliRun.Of("quality", _folder["better.safetensors"], "--reference-path", _folder["gpt"], "--token-path", _folder["tokens.txt"])).Out;
        Assert.Contains("Perplexity", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("cosine", shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_command_prints_the_protocol()
    {
        await Model();
        string before = _folder.Snapshot();
        CliRun planned = await CliRun.Of("compress", _folder["gpt"], "--keep-ratio", "0.5", "--token-path", _folder["tokens.txt"], "--what-if");
        Assert.Equal((0, before), (planned.Code, _folder.Snapshot()));
        CliRun run = await CliRun.Of("compress", _folder["gpt"], "--keep-ratio", "0.5", "--token-path", _folder["tokens.txt"], "--trials", "5", "--output-path", _folder["out"]);
        Assert.Equal(0, run.Code);
        Assert.Contains("trials", run.Out, StringComparison.Ordinal);
        Assert.All((string[])["Calibrate", "Plan", "Factorize", "Judge"], step => Assert.Contains($"\n{step} ", run.Out, StringComparison.Ordinal));
        CliRun fewer = await CliRun.Of("compress", _folder["gpt"], "--keep-ratio", "0.5", "--method", "pivoted", "--token-path", _folder["tokens.txt"], "--trials", "0", "--output-path", _folder["fewer"], "--json");
        Assert.Equal("Pivoted", One(fewer).GetProperty("Method").GetString());
        Assert.Equal(2, (await CliRun.Of("compress", _folder["gpt"], "--keep-ratio", "0.5", "--method", "tucker", "--token-path", _folder["tokens.txt"])).Code);
        CliRun again = await CliRun.Of("compress", _folder["gpt"], "--keep-ratio", "0.5", "--token-path", _folder["tokens.txt"], "--output-path", _folder["out"]);
        Assert.Equal(1, again.Code);
        Assert.StartsWith("error OutputExists: ", Assert.Single(again.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plan_is_measured_on_tokens_and_tells_how()
    {
        await Model();
        string[] plan = ["plan", _folder["gpt"], "--target-reduction", "2", "--token-path", _folder["tokens.txt"], "--trials", "6", "--no-cache"];
        CliRun run = await CliRun.Of([.. plan, "--json"]);
        JsonElement measured = One(run).GetProperty("Measurement");
        Assert.Equal(("Perplexity", 40), (measured.GetProperty("Measure").GetString(), measured.GetProperty("Lines").GetInt32()));
        Assert.InRange(measured.GetProperty("After").GetDouble(), 1, measured.GetProperty("Before").GetDouble());
        Assert.Contains("\nmeasured ", (await CliRun.Of(plan)).Out, StringComparison.Ordinal);
        Assert.Equal(2, (await CliRun.Of("plan", "gpt", "--target-reduction", "2", "--trials", "6")).Code);
        Assert.Equal(2, (await CliRun.Of("plan", _folder["gpt"], "--keep-ratio", "0.5", "--token-path", _folder["tokens.txt"])).Code);
    }

    [Theory]
    [InlineData("quality", "--reference-path", "gpt")]
    [InlineData("calibrate")]
    [InlineData("optimize", "--reference-path", "gpt")]
    [InlineData("compress", "--keep-ratio", "0.5")]
    public async Task A_text_is_needed_and_only_one(string verb, params string[] more)
    {
        Assert.Equal(2, (await CliRun.Of([verb, "gpt", .. more])).Code);
        CliRun both = await CliRun.Of([verb, "gpt", .. more, "--text-path", "a", "--token-path", "b"]);
        Assert.Equal(2, both.Code);
        Assert.Contains("--text-path and --token-path", both.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_adapter_fits_and_is_written_in_the_layout_that_was_asked_for()
    {
        await Model();
        CliRun made = await CliRun.Of("lora", "new", _folder["gpt"], "--rank", "2", "--alpha", "4", "--output-path", _folder["adapter"], "--json");
        Assert.Equal(8, One(made).GetProperty("Modules").GetArrayLength());
        Assert.True(File.Exists(_folder["adapter/adapter_config.json"]));
        Assert.Equal(0, (await CliRun.Of("lora", "test", _folder["adapter"], "--base-path", _folder["gpt"])).Code);
        Assert.Equal(2, (await CliRun.Of("lora", "new", _folder["gpt"])).Code);
        Assert.Equal(2, (await CliRun.Of("lora", "new", _folder["gpt"], "--rank", "2", "--output-path", "")).Code);
    }

    [Fact]
    public async Task An_adapter_is_trained_judged_and_trained_on()
    {
        await Model();
        string[] text = ["--token-path", _folder["tokens.txt"], "--steps", "6", "--learning-rate", "0.01"];
        CliRun first = await CliRun.Of(["lora", "optimize", _folder["gpt"], "--rank", "4", .. text, "--output-path", _folder["first"], "--json"]);
        JsonElement trained = One(first);
        Assert.Equal(("NextToken", 8, 6), (trained.GetProperty("Goal").GetString(), trained.GetProperty("Modules").GetInt32(), trained.GetProperty("Curve").GetArrayLength()));
        Assert.True(trained.GetProperty("LossAfter").GetDouble() < trained.GetProperty("LossBefore").GetDouble());
        CliRun second = await CliRun.Of(["lora", "optimize", _folder["gpt"], "--adapter-path", _folder["first"], .. text, "--output-path", _folder["second.safetensors"]]);
        Assert.Contains("parameters  16,384 of ", second.Out, StringComparison.Ordinal);
        CliRun judged = await CliRun.Of("quality", _folder["gpt"], "--reference-path", _folder["gpt"], "--adapter-path", _folder["second.safetensors"], "--token-path", _folder["tokens.txt"], "--json");
        Assert.True(One(judged).GetProperty("Perplexity").GetDouble() < One(judged).GetProperty("ReferencePerplexity").GetDouble());
        Assert.Equal(2, (await CliRun.Of(["lora", "optimize", _folder["gpt"], .. text])).Code);
        Assert.Equal(2, (await CliRun.Of(["lora", "optimize", _folder["gpt"], "--rank", "4", "--adapter-path", _folder["first"], .. text])).Code);
    }

    [Fact]
    public async Task A_text_with_accents_is_the_tokens_of_the_plain_one()
    {
        // PowerShell, which has the system's tables, is held to the same ids.
        Assert.Equal(0, (await CliRun.Of("new", "--preset", "bert-tiny", "--output-path", _folder["bert"])).Code);
        File.WriteAllLines(_folder["bert/vocab.txt"], ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "creme", "brulee", "angstrom", "한"]);
        File.WriteAllText(_folder["text.txt"], "Crème brûlée Ångström\n");
        File.WriteAllText(_folder["ids.txt"], "2 5 6 7 3\n");
        string small = One(await CliRun.Of("factorize", _folder["bert"], "--rank", "8", "--output-path", _folder["small"], "--json")).GetProperty("Path").GetString()!;
        JsonElement text = One(await CliRun.Of("quality", small, "--reference-path", _folder["bert"], "--text-path", _folder["text.txt"], "--json"));
        JsonElement ids = One(await CliRun.Of("quality", small, "--reference-path", _folder["bert"], "--token-path", _folder["ids.txt"], "--json"));
        Assert.Equal(5, text.GetProperty("Tokens").GetInt32());
        Assert.Equal(ids.GetProperty("MeanCosine").GetDouble(), text.GetProperty("MeanCosine").GetDouble());
    }

    [Fact]
    public async Task Feed_forward_parts_get_narrower_and_classes_are_judged()
    {
        new ModelFolder(new BertConfig { Vocabulary = 200, Width = 16, Depth = 1, Heads = 2, Hidden = 32, Labels = 2 }).Write(_folder["bert"]);
        await Model();
        File.WriteAllLines(_folder["labels.txt"], Enumerable.Range(0, 40).Select(i => i % 2 == 0 ? "0" : "1"));
        CliRun calibrated = await CliRun.Of("calibrate", _folder["bert"], "--token-path", _folder["tokens.txt"], "--output-path", _folder["b.safetensors"], "--checkpoint-path", _folder["sums.safetensors"], "--checkpoint-every", "1", "--json");
        Assert.Equal((0, false), (One(calibrated).GetProperty("ResumedAt").GetInt32(), File.Exists(_folder["sums.safetensors"])));
        JsonElement resized = One(await CliRun.Of("resize", _folder["bert"], "--calibration", _folder["b.safetensors"], "--keep-ratio", "0.5", "--selection", "leverage", "--output-path", _folder["narrow"], "--json"));
        Assert.Equal((32, 16, "Leverage"), (resized.GetProperty("HiddenBefore").GetInt32(), resized.GetProperty("Hidden").GetInt32(), resized.GetProperty("Selection").GetString()));
        string shown = (await CliRun.Of("quality", resized.GetProperty("Path").GetString()!, "--reference-path", _folder["bert"], "--token-path", _folder["tokens.txt"], "--label-path", _folder["labels.txt"])).Out;
        Assert.Contains("Accuracy", shown, StringComparison.Ordinal);
        CliRun whole = await CliRun.Of("resize", _folder["bert"], "--calibration", _folder["b.safetensors"], "--hidden-size", "8", "--what-if");
        Assert.Contains("32 -> 8 units", whole.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Heads_get_narrower_and_the_model_is_judged()
    {
        await Model();
        new ModelFolder(new LlamaConfig { Vocabulary = 200, Width = 16, Depth = 1, Heads = 2, KeyValueHeads = 1, HeadWidth = 8, Hidden = 32 }).Write(_folder["llama"]);
        await CliRun.Of("calibrate", _folder["llama"], "--token-path", _folder["tokens.txt"], "--output-path", _folder["l.safetensors"]);
        string[] options = ["resize", _folder["llama"], "--calibration", _folder["l.safetensors"], "--head-size", "6", "--value-size", "4"];
        JsonElement resized = One(await CliRun.Of([.. options, "--output-path", _folder["narrow"], "--json"]));
        Assert.Equal((8, 6, 4, 1), (resized.GetProperty("HeadSizeBefore").GetInt32(), resized.GetProperty("HeadSize").GetInt32(), resized.GetProperty("ValueSize").GetInt32(), resized.GetProperty("ResizedAttention").GetInt32()));
        Assert.Equal(JsonValueKind.Null, resized.GetProperty("Hidden").ValueKind);
        CliRun quality = await CliRun.Of("quality", resized.GetProperty("Path").GetString()!, "--reference-path", _folder["llama"], "--token-path", _folder["tokens.txt"], "--json");
        Assert.Equal(resized.GetProperty("Parameters").GetInt64(), One(quality).GetProperty("Parameters").GetInt64());
        Assert.Contains("8 -> 6 features", (await CliRun.Of([.. options, "--what-if"])).Out, StringComparison.Ordinal);
        CliRun refused = await CliRun.Of("resize", _folder["gpt"], "--calibration", _folder["l.safetensors"], "--head-size", "6");
        Assert.Contains("HeadSizeUnsupported", refused.Error, StringComparison.Ordinal);
    }

    private async Task Model()
    {
        Assert.Equal(0, (await CliRun.Of("new", "--preset", "gpt2-tiny", "--output-path", _folder["gpt"])).Code);
        Random random = new(1);
        File.WriteAllLines(_folder["tokens.txt"], Enumerable.Range(0, 40).Select(_ => string.Join(' ', Enumerable.Range(0, 10).Select(_ => random.Next(200)))));
    }

    private static JsonElement One(CliRun run)
    {
        Assert.True(run.Code == 0, run.Error);
        return Assert.Single(run.Json);
    }
}
