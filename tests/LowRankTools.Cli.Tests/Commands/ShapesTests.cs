using System.Text.Json;

namespace LowRankTools.Cli.Tests.Commands;

public sealed class ShapesTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static IEnumerable<string> Names(CliRun run) => run.Json.Select(e => e.GetProperty("Name").GetString()!);

    [Fact]
    public async Task Every_tensor_is_listed_in_the_order_of_the_file()
    {
        CliRun run = await CliRun.Of("shapes", _folder.Model(), "--json");
        Assert.Equal(0, run.Code);
        Assert.Equal(9, run.Json.Count);
        Assert.Equal(TestFolder.Parameters, run.Json.Sum(e => e.GetProperty("Parameters").GetInt64()));
    }

    [Theory]
    [InlineData("mlp.*", "mlp.up.weight,mlp.up.bias,mlp.down.weight,mlp.down.bias")]
    [InlineData("ATTN.TO_?", "attn.to_q.weight")]
    [InlineData("nothing*", "")]
    public async Task Include_takes_patterns_over_tensors_and_modules(string pattern, string expected)
    {
        CliRun run = await CliRun.Of("shapes", _folder.Model(), "--include", pattern, "--json");
        Assert.Equal(0, run.Code);
        Assert.Equal(expected.Split(',', StringSplitOptions.RemoveEmptyEntries).Order(), Names(run).Order());
    }

    [Fact]
    public async Task Include_and_exclude_are_repeatable_and_exclude_wins()
    {
        CliRun run = await CliRun.Of("shapes", _folder.Model(), "--include", "mlp.*", "--include", "norm.*", "--exclude", "*.bias", "--exclude", "norm.*", "--json");
        Assert.Equal(["mlp.down.weight", "mlp.up.weight"], Names(run).Order());
    }

    [Fact]
    public async Task Kind_is_repeatable_and_without_regard_to_case()
    {
        CliRun run = await CliRun.Of("shapes", _folder.Model(), "--kind", "conv2d", "--kind", "EMBEDDING", "--json");
        Assert.Equal(["conv.weight", "embed.weight"], Names(run).Order());
        Assert.All(run.Json, e => Assert.Equal(JsonValueKind.String, e.GetProperty("Kind").ValueKind));
    }

    [Fact]
    public async Task The_table_names_every_tensor_whole()
    {
        string name = string.Concat(Enumerable.Repeat("very.long.module.name.", 12)) + "weight";
        CliRun run = await CliRun.Of("shapes", _folder.Write("long.safetensors", 1, (name, [4, 4])));
        Assert.Contains(name, run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Control_characters_in_names_do_not_reach_the_screen()
    {
        CliRun run = await CliRun.Of("shapes", _folder.Write("evil.safetensors", 1, ("a\u001b[2Jb\u009bc.weight", [4, 4])));
        Assert.Equal(0, run.Code);
        Assert.DoesNotContain(run.Out, c => char.IsControl(c) && c is not ('\n' or '\r'));
        Assert.Contains("\\u001B", run.Out, StringComparison.Ordinal);
    }
}
