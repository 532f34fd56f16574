using LowRankTools.Core.Models;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using Xunit.Abstractions;

namespace LowRankTools.Cli.Tests.Process;

/// <summary>The program is killed for real, at moments that nobody chose.</summary>
public sealed class KillTests(ITestOutputHelper log) : IDisposable
{
    /// <summary>How many times; the environment variable LOWRANK_KILLS asks for more.</summary>
    private static readonly int s_kills = int.TryParse(Environment.GetEnvironmentVariable("LOWRANK_KILLS"), out int kills) ? kills : 50;

    /// <summary>Runs for each kill: on a machine that grows faster meanwhile, some are over before they are killed.</summary>
    private const int MostRuns = 8;

    private const int HangUp = 1, Interrupt = 2, Terminate = 15;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [UnixFact]
    public async Task Killed_at_any_moment_it_leaves_the_old_model_or_the_new_one()
    {
        string[] sources = [Source(1), Source(2)];
        string output = Path.Combine(_folder.Root, "out", "model.safetensors"), index = output + ".index.json";
        string[] wanted = new string[2];
        TimeSpan shortest = TimeSpan.MaxValue;
        for (int i = 0; i < 2; i++)
        {
            long start = System.Diagnostics.Stopwatch.GetTimestamp();
            Assert.Equal(0, (await Run(sources[i], output)).Code);
            TimeSpan whole = System.Diagnostics.Stopwatch.GetElapsedTime(start);
            shortest = whole < shortest ? whole : shortest;
            wanted[i] = Fingerprint(index);
        }
        string before = Hash(sources);
        Random random = new(17);
        int killed = 0, renewed = 0, runs = 0;
        for (; killed < s_kills && runs < s_kills * MostRuns; runs++)
        {
            string old = Fingerprint(index);
            using LowRankProcess process = new("factorize", sources[runs / 2 % 2], "--rank", "4", "--output-path", output, "--max-shard-size", "20KB", "--force");
            // Anywhere, and every second time near the end, where files get their names.
            await Task.Delay(shortest * (runs % 2 == 0 ? random.NextDouble() : 0.8 + 0.4 * random.NextDouble()));
            killed += process.HasExited ? 0 : 1;
            process.SendKill();
            await process.Completed();
            string now = Fingerprint(index);
            Assert.Contains(now, (string[])[old, wanted[runs / 2 % 2]]);
            renewed += now == old ? 0 : 1;
        }
        Assert.Equal(before, Hash(sources));
        log.WriteLine($"{runs} runs, {killed} killed before their end, {renewed} had written the new model by then");
        Assert.Equal(s_kills, killed);

        CliRun last = await Run(sources[0], output);
        Assert.Equal(0, last.Code);
        Assert.Equal(wanted[0], Fingerprint(index));
        using TensorFile file = TensorFiles.Open(index);
        Assert.Equal(file.Files.Append(Path.ChangeExtension(output, ".lowrank.json")).Order(StringComparer.Ordinal), Directory.GetFiles(Path.GetDirectoryName(output)!).Order(StringComparer.Ordinal));
    }

    [UnixFact]
    public async Task A_signal_that_asks_for_the_end_leaves_nothing()
    {
        foreach (int signal in (int[])[HangUp, Interrupt, Terminate])
            await EndsCleanly(signal);
    }

    private async Task EndsCleanly(int signal)
    {
        string source = _folder.Write("big.safetensors", 3, [.. Enumerable.Range(0, 400).Select(i => ($"l{i}.weight", (long[])[120, 120]))]);
        string output = Path.Combine(_folder.Root, "out");
        using LowRankProcess process = new("factorize", source, "--rank", "40", "--output-path", Path.Combine(output, "m.safetensors"));
        while (!process.HasExited && !(Directory.Exists(output) && Directory.EnumerateFiles(output, "*.tmp").Any()))
            await Task.Delay(5);
        process.Send(signal);
        CliRun run = await process.Completed();
        Assert.Equal(ExitCode.Cancelled, run.Code);
        Assert.False(Directory.Exists(output));
    }

    private static Task<CliRun> Run(string source, string output) =>
        CliRun.Of("factorize", source, "--rank", "4", "--output-path", output, "--max-shard-size", "20KB", "--force");

    private string Source(int seed) => _folder.Write($"source-{seed}.safetensors", seed, [.. Enumerable.Range(0, 60).Select(i => ($"l{i}.weight", (long[])[90, 80]))]);

    private static string Fingerprint(string path)
    {
        using TensorFile file = TensorFiles.Open(path);
        return ModelFingerprint.Compute(file);
    }

    private static string Hash(string[] paths) => string.Join(' ', paths.Select(p => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(p)))));
}
