using System.Globalization;
using System.Runtime.InteropServices;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Benchmarks;

/// <summary>
/// A file shaped as BERT-base (12 layers of width 768 and 3072, embeddings of 30522 and 512), spectra i^-0.5: rank 64
/// for all 74 matrices, file to file, whole process, against a PyTorch script that does the same.
/// </summary>
internal static class ModelBenchmark
{
    private const int Rank = 64;
    private const int Runs = 5;

    /// <summary>Maps the file, factorizes with the usual randomized routine and saves.</summary>
    private const string Peer = """
        import json, mmap, struct, sys, time, torch
        f = open(sys.argv[1], 'rb'); m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_COPY)
        n = struct.unpack('<Q', m[:8])[0]; header = json.loads(m[8:8 + n]); out = {}; lost = total = 0.0
        for name, e in header.items():
            if name == '__metadata__': continue
            b, s = e['data_offsets'][0] + 8 + n, e['shape']; count = 1
            for d in s: count *= d
            w = torch.frombuffer(m, dtype=torch.float32, count=count, offset=b).view(s)
            if len(s) != 2: out[name] = w.clone(); continue
            u, v, t = torch.svd_lowrank(w, q=RANK + 10, niter=2); u, v, t = u[:, :RANK], v[:RANK], t[:, :RANK]
            r = v.sqrt(); out[name[:-7] + '.0.weight'] = (t * r).T.contiguous(); out[name[:-7] + '.1.weight'] = (u * r).contiguous()
            norm = float(w.norm()) ** 2; total += norm; lost += norm - float((v.double() ** 2).sum())
        torch.save(out, sys.argv[2]); print((lost / total) ** 0.5)
        """;

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName;
        try
        {
            string path = Path.Combine(folder, "bert.safetensors");
            double optimum = Write(path);
            string script = Peer.Replace("RANK", Rank.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
            List<double> ours = [], theirs = [];
            string said = "", peerError = "";
            for (int i = 0; i < Runs; i++)
            {
                (said, _, double seconds) = ChildProcess.Watch("factorize", path, Rank.ToString(CultureInfo.InvariantCulture), Path.Combine(folder, "out"));
                ours.Add(seconds);
                System.Diagnostics.Stopwatch clock = System.Diagnostics.Stopwatch.StartNew();
                peerError = Timing.Peer("/usr/bin/python3", "-c", script, path, Path.Combine(folder, "peer.pt")) ?? "";
                theirs.Add(clock.Elapsed.TotalSeconds);
            }
            Timing.Print($"   {new FileInfo(path).Length / 1e6:0} MB, 74 matrices, rank {Rank}: ours {ours.Min():0.00} s whole process at its best ({said}; optimum {optimum:0.0000})");
            if (peerError.Length > 0)
                Timing.Print($"   PyTorch svd_lowrank(q={Rank + 10}, niter=2) {theirs.Min():0.00} s at its best (error {double.Parse(peerError, CultureInfo.InvariantCulture):0.0000}): ours {theirs.Min() / ours.Min():0.0} times faster (goal 4)");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Writes the model; returns the smallest relative error that rank 64 allows over all of it.</summary>
    private static double Write(string path)
    {
        List<(string Name, int Rows, int Columns)> tensors = [("embeddings.word_embeddings.weight", 30522, 768), ("embeddings.position_embeddings.weight", 512, 768)];
        for (int i = 0; i < 12; i++)
        {
            tensors.AddRange(new[] { "query", "key", "value", "output" }.Select(n => ($"encoder.layer.{i}.attention.{n}.weight", 768, 768)));
            tensors.Add(($"encoder.layer.{i}.intermediate.weight", 3072, 768));
            tensors.Add(($"encoder.layer.{i}.output.weight", 768, 3072));
        }
        Dictionary<(int, int), Matrix<float>> kinds = [];
        double lost = 0, total = 0;
        using SafetensorsModelWriter writer = new(path, tensors.Select(t => new TensorSpec(t.Name, TensorDType.F32, [t.Rows, t.Columns])), new Dictionary<string, string>());
        foreach ((string name, int rows, int columns) in tensors)
        {
            if (!kinds.TryGetValue((rows, columns), out Matrix<float>? matrix))
                kinds[(rows, columns)] = matrix = SpectralMatrix.Make(rows, columns, -0.5);
            writer.Begin(new TensorSpec(name, TensorDType.F32, [rows, columns]));
            for (int i = 0; i < rows; i++)
                writer.Write(MemoryMarshal.AsBytes(matrix.Row(i)));
            double[] squares = [.. Enumerable.Range(1, Math.Min(rows, columns)).Select(i => 1.0 / i)];
            total += squares.Sum();
            lost += squares.Skip(Rank).Sum();
        }
        writer.Complete();
        return Math.Sqrt(lost / total);
    }
}
