using System.Text.Json;
using System.Text.Json.Nodes;

namespace LowRankTools.Cli.Tests.Commands;

public sealed class PlanTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private Task<CliRun> Run(params string[] options) => CliRun.Of(["plan", _folder.Model("net/model.safetensors"), "--json", .. options]);

    private static JsonElement[] Layers(CliRun run) => [.. Assert.Single(run.Json).GetProperty("Layers").EnumerateArray()];

    private static int?[] Ranks(CliRun run) => [.. Layers(run).Select(l => l.GetProperty("Rank").ValueKind == JsonValueKind.Null ? (int?)null : l.GetProperty("Rank").GetInt32())];

    [Fact]
    public async Task The_seeds_layers_fall_three_times_at_ranks_of_two()
    {
        CliRun run = await CliRun.Of("plan", "--shape", "10x30,10x5,10x5,10x20", "--target-reduction", "3", "--min-rank", "2", "--json");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal([2, 2, 2, 2], Ranks(run));
        JsonElement plan = run.Json[0];
        Assert.Equal((600, 200, true), (plan.GetProperty("ParametersBefore").GetInt64(), plan.GetProperty("Parameters").GetInt64(), plan.GetProperty("IsOptimal").GetBoolean()));
        CliRun adapters = await CliRun.Of("plan", "--shape", "10x30,10x5", "--shape", "10x5,10x20", "--target-reduction", "3", "--min-rank", "2", "--adapter", "--json");
        Assert.Equal([2, 2, 2, 2], Ranks(adapters));
        Assert.Equal((200, 800), (adapters.Json[0].GetProperty("Parameters").GetInt64(), adapters.Json[0].GetProperty("ModelParameters").GetInt64()));
    }

    [Theory]
    [InlineData("--rank", "4")]
    [InlineData("--keep-ratio", "0.5")]
    [InlineData("--energy", "0.7")]
    [InlineData("--target-reduction", "2")]
    [InlineData("--parameter-budget", "2500")]
    [InlineData("--byte-budget", "10KB")]
    [InlineData("--max-relative-error", "0.4")]
    public async Task Every_rule_makes_a_plan_of_the_linear_layers(string rule, string value)
    {
        CliRun run = await Run(rule, value);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(["embed.weight", "attn.to_q.weight", "mlp.up.weight", "mlp.down.weight", "conv.weight"], Layers(run).Select(l => l.GetProperty("Name").GetString()));
        Assert.Contains(Ranks(run), r => r is not null);
        Assert.Equal(("Embedding", "NotLinear"), (Layers(run)[0].GetProperty("Reason").GetString(), Layers(run)[4].GetProperty("Reason").GetString()));
        Assert.InRange(run.Json[0].GetProperty("RelativeError").GetDouble(), 0.01, 0.99);
    }

    [Fact]
    public async Task Constraints_and_ranks_by_hand_hold()
    {
        CliRun run = await Run("--target-reduction", "1.7", "--min-rank", "3", "--multiple", "2", "--layer-rank", "attn.*=5,embed=2", "--layer-rank", "mlp.up=dense");
        Assert.Equal((2, 5, null), (Ranks(run)[0], Ranks(run)[1], Ranks(run)[2]));
        Assert.True(Ranks(run)[3] is null or >= 4 && Ranks(run)[3] % 2 == 0);
    }

    [Fact]
    public async Task A_plan_that_was_written_is_carried_out_with_what_was_changed_in_it()
    {
        string file = _folder["plans/half.json"];
        CliRun planned = await Run("--target-reduction", "2", "--output", file);
        Assert.Equal(JsonNode.Parse(planned.Out)!.ToJsonString(), JsonNode.Parse(File.ReadAllText(file))!.ToJsonString());
        JsonNode json = JsonNode.Parse(File.ReadAllText(file))!;
        json["Layers"]![2]!["Rank"] = 1;
        File.WriteAllText(file, json.ToJsonString());
        CliRun run = await CliRun.Of("factorize", "--plan", file, "--json");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(1, run.Json[0].GetProperty("Layers")[2].GetProperty("Rank").GetInt32());
        Assert.Equal("TargetReduction 2, edited", run.Json[0].GetProperty("Rule").GetString());
        Assert.True(File.Exists(_folder["net-lowrank/model.safetensors"]));
    }

    [Fact]
    public async Task A_plan_is_refused_for_another_model_unless_told()
    {
        string file = _folder["p.json"], other = _folder.Model("other/model.safetensors", seed: 9);
        await Run("--rank", "4", "--output", file);
        CliRun refused = await CliRun.Of("factorize", other, "--plan", file);
        Assert.Equal(1, refused.Code);
        Assert.StartsWith("error PlanModelMismatch: ", Assert.Single(refused.ErrorLines), StringComparison.Ordinal);
        Assert.Contains("--any-model", refused.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await CliRun.Of("factorize", other, "--plan", file, "--any-model")).Code);
    }

    [Fact]
    public async Task What_cannot_be_is_one_error_with_its_id()
    {
        CliRun small = await Run("--parameter-budget", "700");
        Assert.Equal(1, small.Code);
        Assert.StartsWith("error BudgetTooSmall: ", Assert.Single(small.ErrorLines), StringComparison.Ordinal);
        Assert.Contains("--parameter-budget", small.Error, StringComparison.Ordinal);
        await Run("--rank", "2", "--output", _folder["p.json"]);
        Assert.Contains("OutputExists", (await Run("--rank", "2", "--output", _folder["p.json"])).Error, StringComparison.Ordinal);
        Assert.Equal(0, (await Run("--rank", "2", "--output", _folder["p.json"], "--force")).Code);
        CliRun two = await CliRun.Of("plan", _folder.Model("net/model.safetensors"), _folder.Model("second/model.safetensors"), "--rank", "2", "--output", _folder["p.json"], "--force");
        Assert.StartsWith("error OutputCollision: ", Assert.Single(two.ErrorLines), StringComparison.Ordinal);
        File.WriteAllText(_folder["p.json"], "{}");
        CliRun damaged = await CliRun.Of("factorize", "--plan", _folder["p.json"]);
        Assert.Equal(1, damaged.Code);
        Assert.StartsWith("error PlanInvalid: ", Assert.Single(damaged.ErrorLines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plan", "--rank", "2")]
    [InlineData("plan", "m", "--shape", "3x3", "--rank", "2")]
    [InlineData("plan", "m")]
    [InlineData("plan", "m", "--rank", "2", "--energy", "0.5")]
    [InlineData("plan", "m", "--target-reduction", "1")]
    [InlineData("plan", "m", "--byte-budget", "much")]
    [InlineData("plan", "m", "--rank", "2", "--layer-rank", "a")]
    [InlineData("plan", "m", "--rank", "2", "--layer-rank", "a=0")]
    [InlineData("plan", "--shape", "3by3", "--rank", "2")]
    [InlineData("plan", "--shape", "9x9", "--energy", "0.5")]
    [InlineData("plan", "--shape", "9x9", "--rank", "2", "--min-rank", "3")]
    [InlineData("factorize", "m", "--plan", "p", "--rank", "2")]
    [InlineData("factorize", "--rank", "2")]
    [InlineData("spectrum", "m", "--top", "0")]
    public async Task Command_lines_that_make_no_sense_are_told_so(params string[] args)
    {
        CliRun run = await CliRun.Of(args);
        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.NotEqual("", run.Error);
    }

    [Fact]
    public async Task For_people_every_layer_and_every_total_is_told()
    {
        CliRun run = await CliRun.Of("plan", _folder.Model("net/model.safetensors"), "--target-reduction", "2");
        Assert.Equal(0, run.Code);
        foreach (string word in new[] { "attn.to_q.weight", "FLOPs a token", "embedding, see --include-embedding", "of the chosen layers", "predicted", "proven" })
            Assert.Contains(word, run.Out, StringComparison.Ordinal);
        Assert.Contains("1 / sqrt k", (await CliRun.Of("plan", "--shape", "9x9", "--target-reduction", "2")).Out, StringComparison.Ordinal);
    }
}
