namespace LowRankTools.Cli.Tests.Commands;

public sealed class UsageTests
{
    [Theory]
    [InlineData("", "--help")]
    [InlineData("help", "--help")]
    [InlineData("help count", "count --help")]
    public async Task Help_is_there_without_knowing_the_option(string line, string same)
    {
        CliRun run = await CliRun.Of(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)), asked = await CliRun.Of(same.Split(' '));
        Assert.Equal((0, asked.Out), (run.Code, run.Out));
        Assert.NotEqual("", run.Out);
    }

    [Theory]
    [InlineData("cuont", "count")]
    [InlineData("factorise", "factorize")]
    [InlineData("shape", "shapes")]
    public async Task A_misspelled_verb_is_told_the_right_one(string typed, string meant) =>
        Assert.Contains($"'lowrank {meant}'", (await CliRun.Of(typed, "x")).Error, StringComparison.Ordinal);

    [Fact]
    public async Task A_verb_like_no_other_is_told_none() => Assert.DoesNotContain("'lowrank ", (await CliRun.Of("sausages")).Error.Replace("'lowrank --help'", "", StringComparison.Ordinal), StringComparison.Ordinal);

    [Theory]
    [InlineData("nonsense")]
    [InlineData("count")]
    [InlineData("count x --no-such-option")]
    [InlineData("shapes x --kind Sausage")]
    [InlineData("factorize x")]
    [InlineData("factorize x --rank 4 --energy 0.5")]
    [InlineData("factorize x --rank 4 --keep-ratio 0.5")]
    [InlineData("factorize x --rank 0")]
    [InlineData("factorize x --rank -3")]
    [InlineData("factorize x --rank four")]
    [InlineData("factorize x --rank")]
    [InlineData("factorize x --keep-ratio 1")]
    [InlineData("factorize x --keep-ratio NaN")]
    [InlineData("factorize x --energy 0")]
    [InlineData("factorize x --energy 1.5")]
    [InlineData("factorize x --rank 4 --format tflite")]
    [InlineData("factorize x --rank 4 --dtype q4_0")]
    [InlineData("factorize x --rank 4 --split middle")]
    [InlineData("factorize x --rank 4 --seed -1")]
    [InlineData("factorize x --rank 4 --thread-count 0")]
    [InlineData("factorize x --rank 4 -Force")]
    [InlineData("factorize x --rank 4 --max-shard-size lots")]
    [InlineData("factorize x --rank 4 --max-shard-size 0")]
    [InlineData("factorize x --rank 4 --max-shard-size 5GB --format pytorch")]
    [InlineData("factorize x --rank 4 --output-path y.pt --format safetensors")]
    [InlineData("merge x --output-path y.pt --max-shard-size 5GB")]
    [InlineData("merge x --rank 4")]
    [InlineData("resize x --keep-ratio 0.5")]
    [InlineData("resize x --calibration c --keep-ratio 0.5 --hidden-size 3")]
    [InlineData("resize x --calibration c --keep-ratio 2")]
    [InlineData("resize x --calibration c")]
    [InlineData("resize x --calibration c --head-size 3")]
    [InlineData("resize x --calibration c --value-size 0")]
    [InlineData("factorize x --rank 4 --part 5/4")]
    [InlineData("join")]
    [InlineData("memory x --context-length 0")]
    [InlineData("lora")]
    [InlineData("lora merge x")]
    [InlineData("lora merge x --base-path y --weight 0")]
    [InlineData("lora resize x")]
    [InlineData("lora resize x --rank 2 --energy 0.5")]
    [InlineData("lora resize x --sigma-ratio 0.5")]
    [InlineData("lora resize x --rank 2 --layout loralib")]
    [InlineData("lora join x --max-rank 3")]
    [InlineData("lora join x --weight one")]
    [InlineData("lora export x --rank 2")]
    [InlineData("lora export x --base-path y")]
    [InlineData("lora export x --base-path y --rank 2 --parameter-budget 90")]
    [InlineData("factorize x --rank 2 --quantize int3")]
    [InlineData("factorize x --rank 2 --dense-sparsity 1:4")]
    [InlineData("plan x --byte-budget 1MB --quantize")]
    [InlineData("lora convert")]
    [InlineData("lora convert x --max-rank 3")]
    [InlineData("lora convert x --layout loralib")]
    [InlineData("lora test x")]
    [InlineData("compare x")]
    [InlineData("speed")]
    [InlineData("speed --shape 12")]
    [InlineData("speed --shape 12x0")]
    [InlineData("speed --shape 8x8 --rank 0")]
    [InlineData("speed --shape 8x8 --rank 2,x")]
    [InlineData("speed --shape 8x8 --batch-size 0")]
    [InlineData("speed --shape 8x8 --runs 0")]
    [InlineData("speed x --shape 8x8")]
    [InlineData("speed --shape 8x8 --sequence-length 4")]
    [InlineData("speed x --sequence-length 0")]
    [InlineData("speed x --engine abacus")]
    [InlineData("new")]
    [InlineData("new --preset seed-tiny")]
    [InlineData("new --preset nothing --output-path x")]
    [InlineData("new --preset seed-tiny --config-path y --output-path x")]
    [InlineData("new --preset seed-tiny --output-path x --seed -1")]
    [InlineData("engines x")]
    [InlineData("demo a b")]
    public async Task Wrong_usage_ends_with_2_and_says_where_help_is(string line)
    {
        CliRun run = await CliRun.Of(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(2, run.Code);
        Assert.Equal("", run.Out);
        Assert.Contains("--help", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("shapes")]
    [InlineData("count")]
    [InlineData("factorize")]
    [InlineData("merge")]
    [InlineData("resize")]
    [InlineData("compare")]
    [InlineData("lora")]
    [InlineData("lora merge")]
    [InlineData("lora resize")]
    [InlineData("lora join")]
    [InlineData("lora export")]
    [InlineData("lora convert")]
    [InlineData("lora test")]
    [InlineData("spectrum")]
    [InlineData("plan")]
    [InlineData("speed")]
    [InlineData("new")]
    [InlineData("engines")]
    [InlineData("demo")]
    public async Task Every_verb_has_help(string verb)
    {
        CliRun run = await CliRun.Of([.. verb.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        Assert.Equal(0, run.Code);
        Assert.Contains($"lowrank {verb}".TrimEnd(), run.Out, StringComparison.Ordinal);
    }
}
