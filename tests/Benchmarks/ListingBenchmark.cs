using LowRankTools.Core.Counting;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Benchmarks;

/// <summary>A sharded safetensors model of 30 files and 3,000 tensors: opening, recognising and counting, in process.</summary>
internal static class ListingBenchmark
{
    private const int Tensors = 3000;
    private const int Shards = 30;

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName;
        try
        {
            Write(Path.Combine(folder, "model.safetensors"));
            ModelSource source = new ModelLocator().Find(folder)[0];
            (double median, double best) = Timing.Measure(21, () => CountParameters.Run(new ModelLocator().Find(folder)[0], detailed: true));
            (double open, _) = Timing.Measure(21, () => TensorFiles.Open(source.Path).Dispose());
            Timing.Print($"   find, list and count {Tensors} tensors in {Shards} shards: {median:0.0} ms median, {best:0.0} ms best (goal 30 ms; share of it {median / 30:0.00})");
            Timing.Print($"   of which opening the headers: {open:0.0} ms");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Write(string path)
    {
        string[] parts = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj", "input_layernorm"];
        string[] names = [.. Enumerable.Range(0, Tensors).Select(i => $"model.layers.{i / parts.Length}.{parts[i % parts.Length]}.weight")];
        long bytes = 64 * 64 * sizeof(float);
        using SafetensorsModelWriter writer = new(path, names.Select(n => new TensorSpec(n, TensorDType.F32, [64, 64])), new Dictionary<string, string>(), bytes * (Tensors / Shards));
        byte[] data = new byte[bytes];
        foreach (string name in names)
        {
            writer.Begin(new TensorSpec(name, TensorDType.F32, [64, 64]));
            writer.Write(data);
        }
        writer.Complete();
    }
}
