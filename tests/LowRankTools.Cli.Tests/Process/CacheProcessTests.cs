using LowRankTools.Tests;

namespace LowRankTools.Cli.Tests.Process;

public sealed class CacheProcessTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Processes_that_share_a_cache_folder_say_the_same()
    {
        string model = _folder.Write("big.safetensors", 3, [.. Enumerable.Range(0, 40).Select(i => ($"l{i}.weight", (long[])[60 + i, 50]))]);
        File.SetLastWriteTimeUtc(model, new DateTime(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        int before = Kept();
        LowRankProcess[] processes = [.. Enumerable.Range(0, 3).Select(_ => new LowRankProcess("spectrum", model, "--json"))];
        CliRun[] runs = await Task.WhenAll(processes.Select(p => p.Completed()));
        CliRun later = await CliRun.Of("spectrum", model, "--json"), none = await CliRun.Of("spectrum", model, "--json", "--no-cache");
        Assert.All([.. runs, later], r => Assert.Equal((0, none.Out, ""), (r.Code, r.Out, r.Error)));
        Assert.InRange(Kept(), before + 40, int.MaxValue); // other tests keep theirs meanwhile
        foreach (LowRankProcess process in processes)
            process.Dispose();
    }

    private static int Kept() => Directory.GetFiles(TestCache.Folder, "spectrum-*").Length;
}
