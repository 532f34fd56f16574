using System.Text.Json;

namespace LowRankTools.Cli.Tests.Commands;

public sealed class CompareTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static JsonElement Of(CliRun run, string name) => run.Json.Single(e => e.GetProperty("Name").GetString() == name);

    [Fact]
    public async Task A_model_is_the_same_as_its_copy()
    {
        string a = _folder.Model("a/model.safetensors"), b = _folder.Model("b/model.safetensors");
        CliRun run = await CliRun.Of("compare", b, "--reference-path", a, "--json");
        Assert.Equal(0, run.Code);
        Assert.Equal(9, run.Json.Count);
        Assert.All(run.Json, e => Assert.Equal("Same", e.GetProperty("Status").GetString()));
    }

    [Fact]
    public async Task A_factorized_model_differs_by_the_error_of_its_record()
    {
        string dense = _folder.Model("net/model.safetensors");
        CliRun factorized = await CliRun.Of("factorize", dense, "--rank", "4", "--json");
        CliRun run = await CliRun.Of("compare", factorized.Json[0].GetProperty("Path").GetString()!, "--reference-path", dense, "--include-rank", "--json");
        foreach (JsonElement layer in factorized.Json[0].GetProperty("Layers").EnumerateArray().Where(l => l.GetProperty("Rank").ValueKind == JsonValueKind.Number))
        {
            JsonElement difference = Of(run, layer.GetProperty("Name").GetString()!);
            Assert.Equal(layer.GetProperty("RelativeError").GetDouble(), difference.GetProperty("RelativeError").GetDouble(), 1e-5);
            Assert.Equal(20, difference.GetProperty("DeltaRank").GetInt32());
        }
    }

    [Fact]
    public async Task Ranks_are_found_only_when_asked_for()
    {
        string a = _folder.Model("a/model.safetensors"), b = _folder.Model("b/model.safetensors", seed: 2);
        CliRun run = await CliRun.Of("compare", b, "--reference-path", a, "--json");
        Assert.All(run.Json, e => Assert.Equal(JsonValueKind.Null, e.GetProperty("DeltaRank").ValueKind));
    }

    [Fact]
    public async Task Infinite_and_undefined_errors_are_strings_in_json()
    {
        (string, long[])[] tensors = [("zero.weight", [4, 4]), ("nan.weight", [4, 4])];
        string a = _folder.Write("a/model.safetensors", tensors, i => 0);
        string b = _folder.Write("b/model.safetensors", tensors, i => i == 15 ? float.NaN : 1);
        string c = _folder.Write("c/model.safetensors", tensors, i => 1);
        CliRun run = await CliRun.Of("compare", c, "--reference-path", a, "--json");
        Assert.Equal("Infinity", Of(run, "zero.weight").GetProperty("RelativeError").GetString());
        CliRun undefined = await CliRun.Of("compare", b, "--reference-path", a, "--include-rank", "--json");
        Assert.Equal(0, undefined.Code);
        Assert.Equal("NaN", Of(undefined, "nan.weight").GetProperty("MaxAbsoluteDifference").GetString());
        Assert.Equal(0, (await CliRun.Of("compare", b, "--reference-path", a)).Code);
    }

    [Fact]
    public async Task A_missing_reference_is_told_about_once()
    {
        CliRun run = await CliRun.Of("compare", _folder.Model(), "--reference-path", _folder["gone"]);
        Assert.Equal(1, run.Code);
        Assert.StartsWith("error PathNotFound: ", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reference_of_several_models_is_ambiguous()
    {
        _folder.Model("refs/a.safetensors");
        _folder.Model("refs/b.safetensors");
        CliRun run = await CliRun.Of("compare", _folder.Model(), "--reference-path", _folder["refs"]);
        Assert.Equal(1, run.Code);
        Assert.StartsWith("error ReferenceAmbiguous: ", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_table_counts_what_is_the_same_and_names_what_is_not()
    {
        string a = _folder.Write("a/model.safetensors", 1, ("same.weight", [4, 4]), ("other.weight", [4, 4]), ("only.a", [2]));
        string b = _folder.Write("b/model.safetensors", 1, ("same.weight", [4, 4]), ("other.weight", [4, 5]), ("only.b", [2]));
        CliRun run = await CliRun.Of("compare", b, "--reference-path", a);
        Assert.DoesNotContain("same.weight", run.Out, StringComparison.Ordinal);
        Assert.Contains("other.weight", run.Out, StringComparison.Ordinal);
        Assert.Contains("only in the reference", run.Out, StringComparison.Ordinal);
        Assert.Contains("only in the model", run.Out, StringComparison.Ordinal);
        Assert.Contains("1 tensor the same", run.Out, StringComparison.Ordinal);
    }
}
