namespace LowRankTools.Benchmarks;

/// <summary>A graph of 435 MB written again with pairs, values in it or in a data file, against the same weights as safetensors: time and memory of whole processes.</summary>
internal static class OnnxBenchmark
{
    private const string Rank = "64";
    private const int Runs = 5;

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName;
        try
        {
            (string Name, string Path)[] models =
            [
                ("safetensors", BertShaped.WriteSafetensors(Path.Combine(folder, "plain"))),
                ("ONNX, values in the graph", BertShaped.WriteOnnx(Path.Combine(folder, "inline"), external: false)),
                ("ONNX, values in a data file", BertShaped.WriteOnnx(Path.Combine(folder, "external"), external: true)),
            ];
            List<ChildRun>[] runs = [.. models.Select(_ => new List<ChildRun>())];
            // In turns, so that whatever else the machine does meets all of them.
            for (int run = 0; run < Runs; run++)
            {
                for (int i = 0; i < models.Length; i++)
                    runs[i].Add(ChildProcess.Watch("factorize", models[i].Path, Rank, Path.Combine(folder, "out")));
            }
            double Best(int i, Func<ChildRun, double> measure) => runs[i].Min(measure);
            for (int i = 0; i < models.Length; i++)
            {
                double seconds = Best(i, r => r.Seconds), processor = Best(i, r => r.ProcessorSeconds), peak = runs[i].Max(r => r.PeakPrivateBytes) / 1048576.0;
                Timing.Print($"   {models[i].Name}, {new FileInfo(models[0].Path).Length / 1e6:0} MB of weights, rank {Rank}: {seconds:0.00} s, {processor:0.00} s of processor time, best of {Runs}; private memory at most {peak:0} MB; {runs[i][0].Output}");
                if (i > 0)
                    Timing.Print($"   over safetensors: time {seconds / Best(0, r => r.Seconds):0.00}, processor time {processor / Best(0, r => r.ProcessorSeconds):0.00} (goal 1.5), memory {peak / (runs[0].Max(r => r.PeakPrivateBytes) / 1048576.0):0.00}");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
