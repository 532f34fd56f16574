using LowRankTools.Cli.Commands;


namespace LowRankTools.Cli.Tests.Process;

public sealed class ProcessTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static async Task<CliRun> Run(params string[] args)
    {
        using LowRankProcess process = new(args);
        return await process.Completed();
    }

    [Fact]
    public async Task Exit_codes_are_those_of_the_process()
    {
        Assert.Equal(0, (await Run("count", _folder.Model())).Code);
        Assert.Equal(1, (await Run("count", _folder["gone"])).Code);
        Assert.Equal(2, (await Run("factorize", _folder.Model())).Code);
    }

    [Fact]
    public async Task Json_is_all_that_standard_output_holds()
    {
        CliRun run = await Run("factorize", _folder.Model(), _folder["gone"], "--rank", "4", "--json");
        Assert.Equal(1, run.Code);
        Assert.Single(run.Json);
        Assert.StartsWith("error PathNotFound: ", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redirected_output_is_plain_text_in_utf8_without_a_mark()
    {
        string name = "слой.with.a.name.that.is.far.too.long.for.a.screen.of.eighty.columns.to.show.in.one.line.weight";
        CliRun run = await Run("shapes", _folder.Write("m.safetensors", 1, (name, [4, 4])));
        Assert.Contains(name, run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', run.Out);
        Assert.DoesNotContain('\uFEFF', run.Out);
        Assert.Equal("", run.Error);
    }

    [Fact]
    public async Task The_version_is_that_of_the_assembly()
    {
        CliRun run = await Run("--version");
        Assert.Equal(0, run.Code);
        Assert.StartsWith(typeof(ConsoleApp).Assembly.GetName().Version!.ToString(3), run.Out, StringComparison.Ordinal);
    }

    [UnixFact]
    public async Task An_interrupt_stops_inside_the_mathematics_and_leaves_nothing_behind()
    {
        string model = _folder.Write("big/model.safetensors", 1, [.. Enumerable.Range(0, 8).Select(i => ($"layers.{i}.weight", new long[] { 1536, 1536 }))]);
        string before = _folder.Snapshot();
        using LowRankProcess process = new("factorize", model, "--rank", "600", "--thread-count", "1");
        // The run is among its layers once its temporary file is there.
        while (!process.HasExited && !(Directory.Exists(_folder["big-lowrank"]) && Directory.EnumerateFiles(_folder["big-lowrank"]).Any()))
            await Task.Delay(5);
        process.SendInterrupt();
        CliRun run = await process.Completed();
        Assert.Equal(130, run.Code);
        Assert.Equal("", run.Out);
        Assert.Equal(before, _folder.Snapshot());
    }

    [UnixFact]
    public async Task Interrupts_without_patience_leave_nothing_behind_either()
    {
        string model = _folder.Write("big/model.safetensors", 1, [.. Enumerable.Range(0, 8).Select(i => ($"layers.{i}.weight", new long[] { 1536, 1536 }))]);
        using LowRankProcess process = new("factorize", model, "--rank", "600", "--thread-count", "1");
        while (!process.HasExited && !(Directory.Exists(_folder["big-lowrank"]) && Directory.EnumerateFiles(_folder["big-lowrank"]).Any()))
            await Task.Delay(5);
        process.SendInterrupt();
        process.SendInterrupt();
        CliRun run = await process.Completed();
        Assert.Equal(130, run.Code);
        Assert.Empty(Directory.Exists(_folder["big-lowrank"]) ? Directory.EnumerateFiles(_folder["big-lowrank"]) : []);
    }
}
