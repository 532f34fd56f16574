using System.Diagnostics;
using System.Globalization;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Parts;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Benchmarks;

/// <summary>Runs one operation in a process of its own, so that its memory can be told from this one's.</summary>
internal static class ChildProcess
{
    /// <summary>What the child does, by its arguments.</summary>
    public static int Run(string[] arguments)
    {
        Stopwatch clock = Stopwatch.StartNew();
        switch (arguments)
        {
            case ["count", string path]:
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"parameters {CountParameters.Run(Source(path)).Parameters}"));
                break;
            case ["factorize", string path, string rank, string output]:
                Console.WriteLine(Told(new FactorizeModel(Options(rank, output)).Run(Source(path))));
                break;
            case ["factorize-torch", string path, string rank, string output]:
                FactorizeOptions torch = Options(rank, output) with { Engine = new EngineChoice { Engine = EngineKind.TorchSharp, Device = "cpu" } };
                Console.WriteLine(Told(new FactorizeModel(torch).Run(Source(path))));
                break;
            case ["parts", string path, string rank, string output]:
                PartNumber[] parts = [.. Enumerable.Range(1, 4).Select(i => new PartNumber(i, 4))];
                Parallel.ForEach(parts, new ParallelOptions { MaxDegreeOfParallelism = 2 }, p => new FactorizePart(Options(rank, output, threads: 1), p).Run(Source(path)));
                Console.WriteLine(Told(Join(output)));
                break;
            case ["svd", string size, string rank]:
                int n = int.Parse(size, CultureInfo.InvariantCulture);
                using (Matrix<float> a = Matrix<float>.Uninitialized(n, n))
                {
                    DeterministicRandom random = new(1);
                    for (int i = 0; i < n; i++)
                        random.FillGaussian(a.Row(i), (ulong)i * (ulong)n);
                    using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Rank(int.Parse(rank, CultureInfo.InvariantCulture)));
                    Console.WriteLine($"{svd.Algorithm}");
                }
                break;
            case ["forward", string rank, string tokens]:
                Console.WriteLine(TransformerMemoryBenchmark.Forward(int.Parse(rank, CultureInfo.InvariantCulture), int.Parse(tokens, CultureInfo.InvariantCulture)));
                break;
            default:
                return 2;
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"processor {Environment.CpuUsage.TotalTime.TotalSeconds:0.0000}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seconds {clock.Elapsed.TotalSeconds:0.0000}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"private {PrivateBytes(Environment.ProcessId)}"));
        return 0;
    }

    /// <summary>Starts the child and watches its private memory (RssAnon, and RssShmem where the runtime keeps its code) until it ends.</summary>
    public static ChildRun Watch(params string[] arguments)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!, ["--child", .. arguments]) { RedirectStandardOutput = true };
        Stopwatch clock = Stopwatch.StartNew();
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        long peak = 0;
        while (!process.WaitForExit(5))
            peak = Math.Max(peak, PrivateBytes(process.Id));
        double seconds = clock.Elapsed.TotalSeconds;
        // A short run can end between two looks; what it held at its end it says itself.
        string[] lines = output.Result.Trim().Split('\n');
        return new ChildRun(lines[0], Math.Max(peak, long.Parse(Value(lines[^1]), CultureInfo.InvariantCulture)), seconds, double.Parse(Value(lines[^3]), CultureInfo.InvariantCulture));
    }

    private static string Value(string line) => line.Split(' ')[1];

    private static string Told(FactorizationResult result) => string.Create(CultureInfo.InvariantCulture, $"error {result.RelativeError:0.0000}, layers {result.FactorizedLayers}");

    private static FactorizeOptions Options(string rank, string output, int? threads = null) => new()
    {
        Rule = new RankRule.Fixed(int.Parse(rank, CultureInfo.InvariantCulture)),
        Selection = new LayerSelection { IncludeEmbedding = true },
        OutputPath = output,
        Force = true,
        Svd = threads is { } count ? new SvdOptions { ThreadCount = count } : SvdOptions.Default,
    };

    private static FactorizationResult Join(string output) => new JoinParts(new JoinPartsOptions { Force = true }).Run(Directory.GetDirectories(output).Single());

    private static ModelSource Source(string path) => new ModelLocator().Find(path)[0];

    private static long PrivateBytes(int processId)
    {
        try
        {
            return File.ReadLines($"/proc/{processId}/status")
                .Where(l => l.StartsWith("RssAnon:", StringComparison.Ordinal) || l.StartsWith("RssShmem:", StringComparison.Ordinal))
                .Sum(l => long.Parse(string.Concat(l.Where(char.IsDigit)), CultureInfo.InvariantCulture) * 1024);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0; // it has just ended, or this system has no /proc
        }
    }
}
