using System.Text.Json;

namespace LowRankTools.Cli.Tests.Commands;

public sealed class MemoryTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Llama()
    {
        string file = _folder.Model("net/model.safetensors");
        File.WriteAllText(_folder["net/config.json"], """{"model_type":"llama","num_hidden_layers":2,"num_attention_heads":4,"hidden_size":64}""");
        return file;
    }

    [Fact]
    public async Task Every_length_of_context_is_a_line_and_the_cache_grows_with_it()
    {
        CliRun run = await CliRun.Of("memory", Llama(), "--context-length", "10,30", "--cache-dtype", "f32", "--batch-size", "2", "--json");
        Assert.Equal([2 * 10 * 2 * 128 * 4, 2 * 30 * 2 * 128 * 4], run.Json.Select(m => m.GetProperty("CacheBytes").GetInt64()));
        Assert.All(run.Json, m => Assert.Equal(TestFolder.Parameters * 4, m.GetProperty("WeightBytes").GetInt64()));
    }

    [Fact]
    public async Task Text_names_what_is_taken_for_granted()
    {
        string file = Llama();
        JsonElement memory = (await CliRun.Of("memory", file, "--context-length", "10", "--weight-dtype", "q4_0", "--json")).Json[0];
        CliRun run = await CliRun.Of("memory", file, "--context-length", "10", "--weight-dtype", "q4_0");
        Assert.All(memory.GetProperty("Assumptions").EnumerateArray(), a => Assert.Contains(a.GetString()!, run.Out, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--context-length", "0"), InlineData("--cache-dtype", "i64"), InlineData("--batch-size", "-1")]
    public async Task Options_out_of_range_are_wrong_usage(string option, string value) =>
        Assert.Equal(ExitCode.WrongUsage, (await CliRun.Of("memory", Llama(), option, value)).Code);
}
