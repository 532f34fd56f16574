namespace LowRankTools.Benchmarks;

/// <summary>
/// Processor time of four parts and joining them against one run over the whole model, on two cores: all parts in one process, as ForEach-Object -Parallel runs them,
/// and each in a process of its own, as a scheduler does. Whole processes, with everything that starting one costs.
/// </summary>
internal static class PartsBenchmark
{
    private const int Parts = 4, Runs = 5;

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName;
        try
        {
            string model = BertShaped.WriteSafetensors(Path.Combine(folder, "model")), output = Path.Combine(folder, "out");
            double start = Enumerable.Range(0, Runs).Min(_ => ChildProcess.Watch("nothing").ProcessorSeconds);
            foreach (string rank in new[] { "64", "256" })
            {
                List<double> whole = [], together = [], apart = [];
                for (int run = 0; run < Runs; run++)
                {
                    whole.Add(ChildProcess.Watch("factorize", model, rank, output).ProcessorSeconds);
                    together.Add(ChildProcess.Watch("parts", model, rank, Path.Combine(folder, "together")).ProcessorSeconds);
                    // Two at a time, as two machines or two cores take them.
                    string[] numbers = [.. Enumerable.Range(1, Parts).Select(i => $"{i}/{Parts}")];
                    double[] parts = new double[Parts];
                    Parallel.For(0, Parts, new ParallelOptions { MaxDegreeOfParallelism = 2 }, i => parts[i] = ChildProcess.Watch("part", model, rank, Path.Combine(folder, "apart"), numbers[i]).ProcessorSeconds);
                    apart.Add(parts.Sum() + ChildProcess.Watch("join", Path.Combine(folder, "apart")).ProcessorSeconds);
                }
                double Median(List<double> times) => times.Order().ElementAt(times.Count / 2);
                Timing.Print($"   {new FileInfo(model).Length / 1e6:0} MB, rank {rank}, seconds of processor time, medians of {Runs}: one run {Median(whole):0.00}, {Parts} parts and join in one process {Median(together):0.00}, in {Parts + 1} processes {Median(apart):0.00}; a process that does nothing {start:0.00}");
                Timing.Print($"   over one run: {Ratio(together, whole):0.00} in one process (goal 1.1), {Ratio(apart, whole):0.00} in {Parts + 1} (medians of the runs' ratios)");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Of runs that follow each other, so that a machine that changes its pace changes both.
    private static double Ratio(List<double> those, List<double> whole) => those.Zip(whole, (t, w) => t / w).Order().ElementAt(whole.Count / 2);
}
