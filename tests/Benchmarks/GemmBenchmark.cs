using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Benchmarks;

/// <summary>float32 products, square and thin, against OpenBLAS through NumPy, and against the measured peak.</summary>
internal static class GemmBenchmark
{
    private const int Runs = 5;

    public static void Run()
    {
        foreach (int threads in new[] { 1, Math.Min(2, Environment.ProcessorCount) }.Distinct())
        {
            // Before the peers, whose start would take part of the processor.
            double peak = PeakBenchmark.Measure(threads), bestSquare = 0;
            List<PeerProcess> peers = PeerProcess.Start(threads);
            Timing.Print($"   {threads} thread(s), measured peak {peak:0} GFLOP/s");
            foreach (int n in new[] { 1024, 1536, 2048, 4096 })
                bestSquare = Math.Max(bestSquare, Row(n, n, n, transposed: false, threads, peak, peers, 0.95, null));
            foreach (int columns in new[] { 32, 64, 96, 128 })
            {
                foreach (bool transposed in new[] { false, true }) Row(4096, 4096, columns, transposed, threads, peak, peers, 0.85, bestSquare);
            }
            foreach (PeerProcess peer in peers) peer.Dispose();
        }
    }

    // Returns the peer's rate. A goal for thin products is a share of its best square rate.
    private static double Row(int m, int k, int n, bool transposed, int threads, double peak, List<PeerProcess> peers, double goal, double? reference)
    {
        EmbeddedEngine engine = new(ComputeOptions.Default);
        using ITensor left = engine.Random(1, transposed ? k : m, transposed ? m : k), right = engine.Random(2, k, n);
        using Matrix<float> a = engine.ToMatrix(left), b = engine.ToMatrix(right), c = Matrix<float>.Uninitialized(m, n);
        ComputeOptions options = new() { ThreadCount = threads };
        (double ours, (string Name, double Seconds, double Error)? best) = PeerProcess.Alternate(
            Runs, () => Gemm.Multiply(1, transposed ? a.Transposed : a.View, b.View, 0, c.View, options), peers, $"{(transposed ? "gemmt" : "gemm")} {m} {k} {n}");
        double work = 2.0 * m * n * k / 1e9, rate = work / ours;
        string shape = $"({m} x {k}){(transposed ? "^T" : "")} ({k} x {n})";
        if (best is not { } peer)
        {
            Timing.Print($"   {shape,-30} {rate,6:0} GFLOP/s, {100 * rate / peak:0} % of the peak");
            return 0;
        }
        double theirs = work / peer.Seconds;
        string against = reference is { } square ? $"{rate / square:0.00} of its best square" : $"{rate / theirs:0.00} of it";
        Timing.Print($"   {shape,-30} {rate,6:0} GFLOP/s, {100 * rate / peak:0} % of the peak; OpenBLAS ({peer.Name}) {theirs,4:0}: {against} (goal {goal})");
        return theirs;
    }
}
