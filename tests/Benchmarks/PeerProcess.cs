using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics.X86;

namespace LowRankTools.Benchmarks;

/// <summary>
/// A Python process that stays, so that its runs and ours can alternate: one line of a task in, one line of seconds out.
/// </summary>
internal sealed class PeerProcess : IDisposable
{
    /// <summary>Each answer is the time of one run; what is measured is prepared before the clock starts.</summary>
    private const string Script = """
        import sys, time, numpy, torch
        kept = {}
        def load(path, m, n):
            if kept.get('path') != path: kept.clear(); kept.update(path=path, a=numpy.fromfile(path, dtype=numpy.float32).reshape(m, n))
            return kept['a']
        def pair(m, k, n):
            if kept.get('path') != (m, k, n):
                g = numpy.random.default_rng(0); kept.clear(); kept.update(path=(m, k, n), a=g.random((m, k), dtype=numpy.float32), b=g.random((k, n), dtype=numpy.float32))
                kept['c'] = numpy.empty((m, n), dtype=numpy.float32)
            return kept['a'], kept['b'], kept['c']
        for line in sys.stdin:
            what, *w = line.split(); error = 0.0
            if what == 'gemm':
                a, b, c = pair(*map(int, w)); t = time.perf_counter(); numpy.dot(a, b, out=c); t = time.perf_counter() - t
            elif what == 'gemmt':
                m, k, n = map(int, w); a, b, c = pair(k, m, 1)[0], None, None
                if kept.get('n') != n: kept.update(n=n, bt=numpy.random.default_rng(1).random((k, n), dtype=numpy.float32), ct=numpy.empty((m, n), dtype=numpy.float32))
                t = time.perf_counter(); numpy.dot(a.T, kept['bt'], out=kept['ct']); t = time.perf_counter() - t
            elif what == 'lowrank':
                a = torch.from_numpy(load(w[0], int(w[1]), int(w[2]))); r = int(w[3])
                t = time.perf_counter(); u, s, v = torch.svd_lowrank(a, q=r + 10, niter=2); t = time.perf_counter() - t
                norm = float((a.double() ** 2).sum()); error = (1 - float((s[:r].double() ** 2).sum()) / norm) ** 0.5
            else:
                a = load(w[0], int(w[1]), int(w[2]))
                if what == 'torchsvd': x = torch.from_numpy(a); t = time.perf_counter(); torch.linalg.svd(x, full_matrices=False); t = time.perf_counter() - t
                else: t = time.perf_counter(); numpy.linalg.svd(a, full_matrices=False); t = time.perf_counter() - t
            print(t, error, flush=True)
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private const int MostRuns = 300;

    private readonly Process _process;

    private PeerProcess(Process process, string name) => (_process, Name) = (process, name);

    /// <summary>What it runs on, for people.</summary>
    public string Name { get; }

    /// <summary>
    /// The kernels that OpenBLAS is tried with: those that it chooses itself, and those of every processor whose
    /// instructions this one has, because its own choice is not always the fastest.
    /// </summary>
    public static string[] CoreTypes =>
        Avx512BW.IsSupported && Avx512DQ.IsSupported ? ["", "Haswell", "Zen", "SkylakeX"] : Avx2.IsSupported && Fma.IsSupported ? ["", "Haswell", "Zen"] : [""];

    /// <summary>Makes a Python process that computes with these kernels and as many threads.</summary>
    public static void Prepare(ProcessStartInfo start, string coreType, int threads)
    {
        start.Environment["OMP_WAIT_POLICY"] = "passive";
        start.Environment["OMP_NUM_THREADS"] = start.Environment["OPENBLAS_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        start.Environment.Remove("OPENBLAS_L2_SIZE");
        start.Environment.Remove("OPENBLAS_CORETYPE");
        if (coreType.Length > 0) start.Environment["OPENBLAS_CORETYPE"] = coreType;
    }

    /// <summary>One process for each of <see cref="CoreTypes"/>. None where Python, NumPy or PyTorch are absent, which is printed.</summary>
    public static List<PeerProcess> Start(int threads, string? script = null)
    {
        List<PeerProcess> peers = [];
        if (Timing.Peer("/usr/bin/python3", "-c", "import numpy, torch") is null) return peers;
        foreach (string coreType in CoreTypes)
        {
            ProcessStartInfo start = new("/usr/bin/python3", ["-c", script ?? Script]) { RedirectStandardInput = true, RedirectStandardOutput = true };
            Prepare(start, coreType, threads);
            peers.Add(new PeerProcess(Process.Start(start)!, coreType.Length > 0 ? coreType : "own choice"));
        }
        return peers;
    }

    /// <summary>One run: its seconds, and its error where it has one.</summary>
    public (double Seconds, double Error) Ask(string task)
    {
        _process.StandardInput.WriteLine(task);
        _process.StandardInput.Flush();
        string[] answer = (_process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"The peer ended at '{task}'.")).Split(' ');
        return (double.Parse(answer[0], CultureInfo.InvariantCulture), double.Parse(answer[1], CultureInfo.InvariantCulture));
    }

    /// <summary>
    /// Runs ours and each peer in turn, so that whatever else the machine does meets all of them; the best of each. Ours has a
    /// try for every try of a peer: the best of more tries is better. Short tasks are tried more often, for some seconds:
    /// on a shared machine the best of a few tries of milliseconds is chance.
    /// </summary>
    public static (double Ours, (string Name, double Seconds, double Error)? Best) Alternate(int runs, Action ours, List<PeerProcess> peers, string task)
    {
        double best = double.MaxValue;
        (string, double, double)? bestPeer = null;

        // What runs first warms everything up.
        ours();
        foreach (PeerProcess peer in peers) peer.Ask(task);
        Stopwatch all = Stopwatch.StartNew();
        for (int i = 0; i < runs * Math.Max(peers.Count, 1) || (all.Elapsed < Patience && i < MostRuns); i++)
        {
            Stopwatch clock = Stopwatch.StartNew();
            ours();
            best = Math.Min(best, clock.Elapsed.TotalSeconds);
            if (peers.Count == 0) continue;
            PeerProcess peer = peers[i % peers.Count];
            (double seconds, double error) = peer.Ask(task);
            if (bestPeer is null || seconds < bestPeer.Value.Item2) bestPeer = (peer.Name, seconds, error);
        }
        return (best, bestPeer);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
