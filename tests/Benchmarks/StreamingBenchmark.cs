using System.Runtime.InteropServices;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Benchmarks;

/// <summary>A model of 4 GB made on the spot: private memory while it is factorized, against its largest tensor.</summary>
internal static class StreamingBenchmark
{
    private const int Size = 8192;
    private const int Layers = 16;

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName;
        try
        {
            string path = Path.Combine(folder, "big.safetensors");
            Write(path);
            (string output, long memory, double seconds, _) = ChildProcess.Watch("factorize", path, "64", Path.Combine(folder, "out"));
            double largest = (double)Size * Size * sizeof(float) / 1048576, peak = memory / 1048576.0, allowed = 3 * largest + 200;
            Timing.Print($"   {new FileInfo(path).Length / 1e9:0.00} GB of {Layers} float32 layers {Size} x {Size}, rank 64: {seconds:0.0} s whole process, {output}");
            Timing.Print($"   private memory at its peak {peak:0} MB; largest tensor {largest:0} MB; allowed 3 x {largest:0} + 200 = {allowed:0} MB (share {peak / allowed:0.00})");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Write(string path)
    {
        string[] names = [.. Enumerable.Range(0, Layers).Select(i => $"layers.{i}.weight")];
        using SafetensorsModelWriter writer = new(path, names.Select(n => new TensorSpec(n, TensorDType.F32, [Size, Size])), new Dictionary<string, string>());
        Random random = new(1);
        float[] row = new float[Size];
        foreach (string name in names)
        {
            writer.Begin(new TensorSpec(name, TensorDType.F32, [Size, Size]));
            for (int i = 0; i < Size; i++)
            {
                // A few strong directions over noise, cheap to make.
                float phase = (float)random.NextDouble();
                for (int j = 0; j < Size; j++)
                    row[j] = (i * 31 + j * 17) % 97 * 0.01f * phase + (float)random.NextDouble() - 0.5f;
                writer.Write(MemoryMarshal.AsBytes<float>(row));
            }
        }
        writer.Complete();
    }
}
