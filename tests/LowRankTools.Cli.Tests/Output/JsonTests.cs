using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using LowRankTools.Cli.Output;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Comparison;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Decompositions;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Spectra;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Cli.Tests.Output;

public sealed class JsonTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static void HasPropertiesOf<T>(JsonElement element) =>
        Assert.Equal(typeof(T).GetProperties().Select(p => p.Name).Order(StringComparer.Ordinal), element.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));

    /// <summary>Every line reads back as the record it was, and is written as the same line again.</summary>
    private static void RoundTrips<T>(CliRun run)
    {
        Assert.Equal(0, run.Code);
        Assert.NotEmpty(run.Json);
        JsonTypeInfo<T> type = (JsonTypeInfo<T>)OutputJson.Default.GetTypeInfo(typeof(T))!;
        foreach (string line in run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            HasPropertiesOf<T>(JsonDocument.Parse(line).RootElement);
            using StringWriter again = new();
            JsonLines.Write(again, JsonSerializer.Deserialize(line, type)!);
            Assert.Equal(line, again.ToString().TrimEnd('\n'));
        }
    }

    [Fact]
    public async Task Shapes_are_layer_shapes() => RoundTrips<LayerShape>(await CliRun.Of("shapes", _folder.Model(), "--json"));

    [Fact]
    public async Task Counts_are_parameter_counts()
    {
        CliRun run = await CliRun.Of("count", _folder.Model(), "--detailed", "--json");
        RoundTrips<ParameterCount>(run);
        HasPropertiesOf<LayerShape>(run.Json[0].GetProperty("LayerShapes")[0]);
    }

    [Fact]
    public async Task Factorizations_are_results_with_their_layers()
    {
        CliRun run = await CliRun.Of("factorize", _folder.Model(), "--rank", "4", "--json");
        RoundTrips<FactorizationResult>(run);
        HasPropertiesOf<LayerFactorization>(run.Json[0].GetProperty("Layers")[0]);
        RoundTrips<FactorizationResult>(await CliRun.Of("factorize", _folder.Model(), "--rank", "4", "--what-if", "--json"));
    }

    [Fact]
    public async Task Merges_are_merge_results()
    {
        CliRun factorized = await CliRun.Of("factorize", _folder.Model(), "--rank", "4", "--json");
        RoundTrips<MergeResult>(await CliRun.Of("merge", factorized.Json[0].GetProperty("Path").GetString()!, "--json"));
    }

    [Fact]
    public async Task Decompositions_are_results_with_their_tensors()
    {
        string model = _folder.Write("m.safetensors", 1, ("conv.weight", [12, 10, 3, 3]), ("fc.weight", [8, 8]));
        CliRun run = await CliRun.Of("decompose", model, "--method", "Cp", "--rank", "3", "--json");
        RoundTrips<DecompositionResult>(run);
        HasPropertiesOf<TensorDecomposition>(run.Json[0].GetProperty("Tensors")[0]);
        RoundTrips<DecompositionResult>(await CliRun.Of("decompose", model, "--method", "Tucker", "--rank", "3", "--what-if", "--json"));
    }

    [Fact]
    public async Task Adapters_are_results_and_checks()
    {
        string model = _folder.Model(), tuned = _folder.Model("tuned.safetensors", seed: 2), adapter = _folder["a.safetensors"];
        RoundTrips<AdapterResult>(await CliRun.Of("lora", "export", tuned, "--base-path", model, "--rank", "3", "--output-path", adapter, "--json"));
        RoundTrips<AdapterCheck>(await CliRun.Of("lora", "test", adapter, "--base-path", model, "--json"));
        RoundTrips<AdapterResult>(await CliRun.Of("lora", "resize", adapter, "--rank", "2", "--json"));
        RoundTrips<MergeAdapterResult>(await CliRun.Of("lora", "merge", adapter, "--base-path", model, "--json"));
    }

    [Fact]
    public async Task Comparisons_are_tensor_differences()
    {
        string a = _folder.Model("a/model.safetensors"), b = _folder.Model("b/model.safetensors", seed: 2);
        RoundTrips<TensorDifference>(await CliRun.Of("compare", b, "--reference-path", a, "--include-rank", "--json"));
    }

    [Fact]
    public async Task Speeds_are_layer_speeds() => RoundTrips<LayerSpeed>(await CliRun.Of("speed", "--shape", "16x8", "--rank", "2,4", "--runs", "1", "--json"));

    [Fact]
    public async Task Spectra_are_layer_spectra() => RoundTrips<LayerSpectrum>(await CliRun.Of("spectrum", _folder.Model(), "--json"));

    [Fact]
    public async Task Plans_are_rank_plans_with_their_layers()
    {
        CliRun run = await CliRun.Of("plan", _folder.Model(), "--rank", "4", "--json");
        HasPropertiesOf<RankPlan>(Assert.Single(run.Json));
        // Only layers that share a basis say so.
        Assert.Equal(typeof(LayerPlan).GetProperties().Select(p => p.Name).Where(n => n != nameof(LayerPlan.Basis)).Order(StringComparer.Ordinal),
            run.Json[0].GetProperty("Layers")[0].EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));
        Assert.Equal(run.Out.TrimEnd(), RankPlanFile.ToLine(RankPlanFile.Parse(System.Text.Encoding.UTF8.GetBytes(run.Out), "line")));
    }

    [Fact]
    public async Task Engines_are_engine_infos() => RoundTrips<EngineInfo>(await CliRun.Of("engines", "--json"));

    [Fact]
    public async Task Names_of_any_script_survive()
    {
        string name = "слой.\"层\"\\\u001b.weight";
        CliRun run = await CliRun.Of("shapes", _folder.Write("m.safetensors", 1, (name, [2, 2])), "--json");
        Assert.Equal(name, Assert.Single(run.Json).GetProperty("Name").GetString());
        Assert.DoesNotContain('\u001b', run.Out);
    }
}
