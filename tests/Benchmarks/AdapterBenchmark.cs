using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Benchmarks;

/// <summary>
/// Adapters of Stable Diffusion 1's 192 attention modules: from rank 4 to 2, against the method of kohya's script, and two of rank 4 combined to rank 4, against PEFT's svd, both
/// of which decompose the dense product. Ours are whole operations, with reading and writing files; the peers' clock runs for their mathematics alone, on the same
/// factors, in PyTorch. And against reading and writing as many bytes.
/// </summary>
internal static class AdapterBenchmark
{
    private const int Rank = 4, Smaller = 2, Runs = 41;

    /// <summary>
    /// kohya: U, S, Vh = svd(up @ down), sqrt is not shared out: up' = U_r S_r, down' = Vh_r. PEFT: the same of w_1 s_1 B_1 A_1 + w_2 s_2 B_2 A_2, full matrices by default as there.
    /// Prints seconds and the relative error of all modules together.
    /// </summary>
    private const string Peer = """
        import json, struct, sys, time, torch
        def load(path):
            data = open(path, 'rb').read(); size = struct.unpack('<Q', data[:8])[0]; header = json.loads(data[8:8 + size])
            return {n: torch.frombuffer(bytearray(data[8 + size + t['data_offsets'][0]:8 + size + t['data_offsets'][1]]), dtype=torch.float32).reshape(t['shape']) for n, t in header.items() if n != '__metadata__'}
        files, rank = [load(p) for p in sys.argv[2:]], int(sys.argv[1]); seconds = left = whole = 0.0
        for name in [n[:-len('.lora_up.weight')] for n in files[0] if n.endswith('.lora_up.weight')]:
            start = time.perf_counter()
            delta = sum(1.0 / len(files) * (f[name + '.alpha'] / f[name + '.lora_down.weight'].shape[0]) * (f[name + '.lora_up.weight'] @ f[name + '.lora_down.weight']) for f in files)
            u, s, v = torch.linalg.svd(delta); up, down = u[:, :rank] @ torch.diag(s[:rank]), v[:rank].contiguous()
            seconds += time.perf_counter() - start; left += float((s[rank:].double() ** 2).sum()); whole += float((s.double() ** 2).sum())
        print(seconds, (left / whole) ** 0.5)
        """;

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName;
        try
        {
            string one = Write(Path.Combine(folder, "one.safetensors"), 1), other = Write(Path.Combine(folder, "other.safetensors"), 2);
            AdapterOutputOptions options = new() { OutputPath = Path.Combine(folder, "out.safetensors"), Force = true };
            ModelSource[] both = [Source(one), Source(other)];
            Measure($"resize of {Modules.Count} modules, rank {Rank} to {Smaller}, against kohya's", goal: 100, Smaller, [one], options.OutputPath!, () => new ResizeAdapter(new AdapterRank.Fixed(Smaller), options).Run(both[0]));
            Measure($"two of rank {Rank} combined to {Rank}, against PEFT's svd", goal: 50, Rank, [one, other], options.OutputPath!, () => new JoinAdapters(JoinMode.Svd, new AdapterRank.Fixed(Rank), options).Run(both, [0.5, 0.5]));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Measure(string what, int goal, int rank, string[] inputs, string output, Func<AdapterResult> ours)
    {
        AdapterResult result = ours();
        byte[] written = File.ReadAllBytes(output);
        string copy = output + ".copy";
        List<double> times = [], files = [];
        for (int run = 0; run < Runs; run++)
        {
            files.Add(Seconds(() => Copy(inputs, written, copy)));
            times.Add(Seconds(() => ours()));
        }
        double median = Median(times), best = times.Min();
        Timing.Print($"   {what}: best {1000 * best:0.0} ms of {Runs}, median {1000 * median:0.0}, error {result.RelativeError:0.0000}");
        Timing.Print($"   reading {inputs.Sum(f => new FileInfo(f).Length) / 1e6:0.0} MB and writing {written.Length / 1e6:0.0} MB to the disk: best {1000 * files.Min():0.0} ms, median {1000 * Median(files):0.0}; ratio of the best {best / files.Min():0.0}, of the medians {median / Median(files):0.0} (goal 3)");
        if (Timing.Peer("/usr/bin/python3", ["-c", Peer, rank.ToString(CultureInfo.InvariantCulture), .. inputs]) is { } answer)
        {
            double[] numbers = [.. answer.Split(' ').Select(n => double.Parse(n, CultureInfo.InvariantCulture))];
            Timing.Print($"   peer, PyTorch: {numbers[0]:0.00} s once, error {numbers[1]:0.0000}; ratio {numbers[0] / median:0} (goal {goal})");
        }
    }

    // What every careful writer does: read whole, write to another name, flush to the disk, rename.
    private static void Copy(string[] inputs, byte[] written, string path)
    {
        foreach (string input in inputs)
            File.ReadAllBytes(input);
        string temporary = path + ".tmp";
        using (FileStream file = File.Create(temporary))
        {
            file.Write(written);
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }

    private static double Seconds(Action action)
    {
        Stopwatch clock = Stopwatch.StartNew();
        action();
        return clock.Elapsed.TotalSeconds;
    }

    private static double Median(List<double> times) => times.Order().ElementAt(times.Count / 2);

    private static ModelSource Source(string path) => new ModelLocator().Find(path)[0];

    /// <summary>Sixteen transformer blocks of the U-Net, by width: self-attention, cross-attention to 768 text features, feed-forward, and the two projections around them.</summary>
    private static List<(string Name, int Out, int In)> Modules => [.. new[] { (320, 5), (640, 5), (1280, 6) }.SelectMany(level => Enumerable.Range(0, level.Item2).SelectMany(i => Block($"lora_unet_{level.Item1}_{i}", level.Item1)))];

    private static IEnumerable<(string, int, int)> Block(string name, int width) => new (string, int, int)[]
    {
        ("proj_in", width, width), ("attn1_to_q", width, width), ("attn1_to_k", width, width), ("attn1_to_v", width, width), ("attn1_to_out_0", width, width), ("attn2_to_q", width, width),
        ("attn2_to_k", width, 768), ("attn2_to_v", width, 768), ("attn2_to_out_0", width, width), ("ff_net_0_proj", 8 * width, width), ("ff_net_2", width, 4 * width), ("proj_out", width, width),
    }.Select(m => ($"{name}_{m.Item1}", m.Item2, m.Item3));

    private static string Write(string path, ulong seed)
    {
        DeterministicRandom random = new(seed);
        List<(TensorSpec Spec, float[] Values)> tensors = [];
        ulong drawn = 0;
        foreach ((string name, int outputs, int inputs) in Modules)
        {
            foreach ((string factor, long[] shape) in new[] { ("lora_down.weight", new long[] { Rank, inputs }), ("lora_up.weight", [outputs, Rank]) })
            {
                float[] values = new float[shape[0] * shape[1]];
                random.FillGaussian(values, drawn);
                drawn += (ulong)values.Length;
                tensors.Add((new TensorSpec($"{name}.{factor}", TensorDType.F32, [.. shape]), values));
            }
            tensors.Add((new TensorSpec($"{name}.alpha", TensorDType.F32, []), [Rank]));
        }
        using SafetensorsModelWriter writer = new(path, tensors.Select(t => t.Spec), new Dictionary<string, string>());
        foreach ((TensorSpec spec, float[] values) in tensors)
        {
            writer.Begin(spec);
            writer.Write(MemoryMarshal.AsBytes<float>(values));
        }
        writer.Complete();
        return path;
    }
}
