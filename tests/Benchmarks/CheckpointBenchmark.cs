using System.Globalization;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Models;

namespace LowRankTools.Benchmarks;

/// <summary>A PyTorch checkpoint of 2 GB: counting it from its pickle against torch.load.</summary>
internal static class CheckpointBenchmark
{
    private const string Make = "import sys, torch; torch.save({f'layers.{i}.weight': torch.zeros(4096, 4096) for i in range(32)}, sys.argv[1])";

    private const string Load = """
        import sys, time, torch
        best = 1e9
        for _ in range(3):
            t = time.perf_counter(); m = torch.load(sys.argv[1]); n = sum(v.numel() for v in m.values()); best = min(best, time.perf_counter() - t); del m
        print(best, n)
        """;

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName;
        string path = Path.Combine(folder, "checkpoint.pt");
        try
        {
            if (Timing.Peer("/usr/bin/python3", "-c", Make, path) is null || Timing.Peer("/usr/bin/python3", "-c", Load, path) is not { } peer)
            {
                Console.WriteLine("   needs python3-torch, which makes the file and is the peer");
                return;
            }
            double load = double.Parse(peer.Split(' ')[0], CultureInfo.InvariantCulture) * 1000;
            ModelSource source = new(path, "checkpoint");
            (double median, _) = Timing.Measure(21, () => CountParameters.Run(source));
            (string output, long memory, double seconds, _) = ChildProcess.Watch("count", path);
            Timing.Print($"   {new FileInfo(path).Length / 1e9:0.00} GB checkpoint: torch.load and count {load:0} ms (best of 3, file cached), ours {median:0.00} ms median in process: {load / median:0} times faster (goal 100)");
            Timing.Print($"   a whole process of ours: {seconds * 1000:0} ms, {memory / 1048576.0:0} MB private at its peak (goal 64), {output}, torch says {peer.Split(' ')[1]}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
