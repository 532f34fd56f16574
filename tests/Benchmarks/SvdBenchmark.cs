using System.Runtime.InteropServices;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Benchmarks;

/// <summary>Truncated, exact and full decompositions against PyTorch and LAPACK, with the distance from the best error.</summary>
internal static class SvdBenchmark
{
    private const int Rank = 64;

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName;
        List<PeerProcess> peers = PeerProcess.Start(2);
        try
        {
            foreach ((int rows, int columns) in new[] { (768, 3072), (4096, 4096) })
            {
                foreach (double decay in new[] { -0.3, -0.5, -1 }) Truncated(rows, columns, decay, peers, folder);
            }
            foreach (int n in new[] { 768, 1024, 2048 }) Exact(n, n == 768 ? 3072 : n, peers, folder);
            foreach (int n in new[] { 512, 1024, 2048, 4096 }) Full(n, peers, folder);
            foreach (int share in new[] { 4, 2 }) Memory(4096, 4096 / share);
        }
        finally
        {
            foreach (PeerProcess peer in peers) peer.Dispose();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Truncated(int rows, int columns, double decay, List<PeerProcess> peers, string folder)
    {
        using Matrix<float> a = SpectralMatrix.Make(rows, columns, decay);
        string task = Save(a, folder), algorithm = "";
        double optimum = SpectralMatrix.Optimum(Math.Min(rows, columns), decay, Rank), error = 0;
        (double ours, (string Name, double Seconds, double Error)? best) = PeerProcess.Alternate(rows > 1000 ? 5 : 12, () =>
        {
            using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Rank(Rank));
            (error, algorithm) = (svd.RelativeError, svd.Algorithm);
        }, peers, $"lowrank {task} {Rank}");
        Timing.Print($"   {rows} x {columns}, i^{decay}, rank {Rank}: {ours * 1000:0.0} ms, error {error / optimum:0.0000} of the optimum (goal 1.002; {algorithm})");
        if (best is { } peer)
            Timing.Print($"      torch.svd_lowrank(q={Rank + 10}, niter=2) ({peer.Name}) {peer.Seconds * 1000:0.0} ms, error {peer.Error / optimum:0.0000}: ours {peer.Seconds / ours:0.0} times faster (goal 3)");
    }

    private static void Exact(int rows, int columns, List<PeerProcess> peers, string folder)
    {
        using Matrix<float> a = SpectralMatrix.Make(rows, columns, -0.5);
        string task = Save(a, folder);
        double[] values = SingularValues.Compute(a.View);
        foreach (int rank in new[] { rows / 4, rows / 2 })
        {
            double error = 0, norm = values.Sum(v => v * v), optimum = Math.Sqrt(values.Skip(rank).Sum(v => v * v) / norm);
            (double ours, (string Name, double Seconds, double Error)? best) = PeerProcess.Alternate(2, () =>
            {
                using TruncatedSvdResult svd = MatrixSvd.Compute(a.View, new RankTarget.Rank(rank), new SvdOptions { Accuracy = SvdAccuracy.Exact });
                error = svd.RelativeError;
            }, peers, $"torchsvd {task}");
            Timing.Print($"   {rows} x {columns} exact, rank {rank}: {ours * 1000:0} ms, error 1 + {(error / optimum) - 1:0.0e+0} of the optimum (goal 1 + 1e-6)");
            if (best is { } peer)
                Timing.Print($"      torch.linalg.svd ({peer.Name}) {peer.Seconds * 1000:0} ms: ours {peer.Seconds / ours:0.0} times faster (goal 3)");
        }
    }

    private static void Full(int n, List<PeerProcess> peers, string folder)
    {
        using Matrix<float> a = SpectralMatrix.Make(n, n, -0.5);
        EmbeddedEngine engine = new(ComputeOptions.Default);
        using ITensor tensor = engine.Load(a.View);
        (double ours, (string Name, double Seconds, double Error)? best) = PeerProcess.Alternate(n > 2000 ? 1 : 3, () =>
        {
            (ITensor u, _, ITensor vt) = engine.Svd(tensor);
            u.Dispose();
            vt.Dispose();
        }, peers, $"gesdd {Save(a, folder)}");
        string against = best is { } peer ? $"; LAPACK gesdd on OpenBLAS ({peer.Name}) {peer.Seconds * 1000:0} ms: ours takes {ours / peer.Seconds:0.00} of it (goal 1.5)" : "";
        Timing.Print($"   {n} x {n} full, with vectors: {ours * 1000:0} ms{against}");
    }

    private static void Memory(int n, int rank)
    {
        (string output, long peak, _, _) = ChildProcess.Watch("svd", $"{n}", $"{rank}");
        double largest = (double)n * n * sizeof(float) / 1048576;
        Timing.Print($"   {n} x {n}, rank {rank}, a process of its own: {peak / 1048576.0:0} MB private at its peak (goal 3 x {largest:0} + 200 = {(3 * largest) + 200:0}); {output}");
    }

    private static string Save(Matrix<float> a, string folder)
    {
        string path = Path.Combine(folder, $"{a.Rows}x{a.Columns}-{Guid.NewGuid():N}.bin");
        foreach (string old in Directory.GetFiles(folder)) File.Delete(old);
        using FileStream stream = File.Create(path);
        for (int i = 0; i < a.Rows; i++) stream.Write(MemoryMarshal.AsBytes(a.Row(i)));
        return $"{path} {a.Rows} {a.Columns}";
    }
}
