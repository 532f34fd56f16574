using System.Security.Cryptography;

namespace LowRankTools.Cli.Tests.Commands;

public sealed class JoinTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Hash(string name) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(_folder[name])));

    private Task<CliRun> Part(int number, params string[] more) => CliRun.Of(["factorize", _folder["net"], "--rank", "3", "--output-path", _folder["parts"], "--part", $"{number}/2", .. more]);

    [Fact]
    public async Task Parts_that_are_joined_are_one_run()
    {
        _folder.Model("net/model.safetensors");
        await CliRun.Of("factorize", _folder["net"], "--rank", "3", "--output-path", _folder["one"]);
        CliRun second = await Part(2, "--json"), first = await Part(1, "--json");
        Assert.Equal(["1/2", "2/2"], new[] { first, second }.Select(p => p.Json[0].GetProperty("Part").GetString()));
        CliRun joined = await CliRun.Of("join", _folder["parts/net"], "--json");
        Assert.Equal(ExitCode.Success, joined.Code);
        Assert.Equal(Hash("one/net/model.safetensors"), Hash("parts/net/model.safetensors"));
        Assert.Equal(Hash("one/net/lowrank.json"), Hash("parts/net/lowrank.json"));
        Assert.False(Directory.Exists(_folder["parts/net/parts"]));
    }

    [Fact]
    public async Task A_missing_part_is_one_line_that_names_it_and_the_other_model_is_joined()
    {
        _folder.Model("net/model.safetensors");
        await Part(1);
        CliRun run = await CliRun.Of("join", _folder["nothing"], _folder["parts/net"]);
        Assert.Equal(ExitCode.BadInput, run.Code);
        Assert.Equal(2, run.ErrorLines.Length);
        Assert.All(run.ErrorLines, l => Assert.Contains("PartMissing", l, StringComparison.Ordinal));
        Assert.Contains("1 of 2 parts are not there: 2.", run.ErrorLines[1], StringComparison.Ordinal);
        await Part(2);
        Assert.Equal(ExitCode.Success, (await CliRun.Of("join", _folder["parts/net/parts"])).Code);
    }

    [Fact]
    public async Task What_if_looks_and_keep_part_keeps()
    {
        _folder.Model("net/model.safetensors");
        await Part(1);
        await Part(2);
        Assert.False((await CliRun.Of("join", _folder["parts/net"], "--what-if", "--json")).Json[0].GetProperty("Written").GetBoolean());
        Assert.False(File.Exists(_folder["parts/net/model.safetensors"]));
        Assert.Equal(ExitCode.Success, (await CliRun.Of("join", _folder["parts/net"], "--keep-part")).Code);
        Assert.Equal(2, Directory.GetFiles(_folder["parts/net/parts"], "*.part").Length);
        Assert.Contains("OutputExists", (await CliRun.Of("join", _folder["parts/net"])).Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Success, (await CliRun.Of("join", _folder["parts/net"], "--force")).Code);
    }

    [Fact]
    public async Task A_rule_that_every_part_would_compute_anew_is_wrong_usage_before_any_model_is_looked_at() =>
        Assert.Equal(ExitCode.WrongUsage, (await CliRun.Of("factorize", _folder["absent"], "--energy", "0.5", "--part", "1/4")).Code);

    [Fact]
    public async Task The_text_of_a_part_says_which_it_is()
    {
        _folder.Model("net/model.safetensors");
        Assert.Contains("part 2/2", (await Part(2)).Out.Split('\n')[0], StringComparison.Ordinal);
    }
}
