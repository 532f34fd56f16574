using System.Diagnostics;
using System.Runtime.InteropServices;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Benchmarks;

/// <summary>
/// The solver on 10,000 layers of 4,096 components, and a plan of 1,000 layers from cached spectra beside the first one, which
/// computes them.
/// </summary>
internal static class PlanBenchmark
{
    private const int SolverLayers = 10_000;
    private const int Components = 4096;
    private const int CachedLayers = 1000;

    public static void Run()
    {
        Solver();
        string folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName;
        string? before = Environment.GetEnvironmentVariable("LOWRANK_CACHE");
        try
        {
            Environment.SetEnvironmentVariable("LOWRANK_CACHE", Path.Combine(folder, "cache"));
            Cached(Path.Combine(folder, "model.safetensors"));
        }
        finally
        {
            Environment.SetEnvironmentVariable("LOWRANK_CACHE", before);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Solver()
    {
        Random random = new(1);
        double[][] spectra = [.. Enumerable.Range(0, SolverLayers).Select(_ =>
        {
            double decay = 0.2 + random.NextDouble(), scale = random.NextDouble();
            return Enumerable.Range(1, Components).Select(k => scale / Math.Pow(k, decay)).ToArray();
        })];
        int[] sizes = [.. spectra.Select(_ => Components * random.Next(1, 5))];
        foreach (double share in new[] { 0.2, 0.5, 0.8 })
        {
            Stopwatch clock = Stopwatch.StartNew();
            TimeSpan before = Environment.CpuUsage.TotalTime;
            RankChoices[] layers = [.. spectra.Select((s, i) => RankChoices.Create(Components, sizes[i], s))];
            double prepared = clock.Elapsed.TotalSeconds;
            long budget = (long)(share * sizes.Sum(n => (double)Components * n));
            RankSolution solution = RankSolver.Solve(layers, budget);
            string proof = solution.IsProvenOptimal ? "proven" : "not proven";
            Timing.Print($"{SolverLayers} layers of {Components} components, {100 * share:F0} % of the parameters: {clock.Elapsed.TotalSeconds:F3} s, {prepared:F3} s of it to sum up the spectra, {(Environment.CpuUsage.TotalTime - before).TotalSeconds:F3} s of a processor; gap to the bound {solution.DualGap / solution.Loss:E1} of the loss, {proof}");
        }
    }

    private static void Cached(string path)
    {
        float[] values = new float[256 * 256];
        Random random = new(2);
        using (SafetensorsModelWriter writer = new(path, Enumerable.Range(0, CachedLayers).Select(Spec), new Dictionary<string, string>()))
        {
            for (int i = 0; i < CachedLayers; i++)
            {
                for (int j = 0; j < values.Length; j++)
                    values[j] = (float)(random.NextDouble() - 0.5);
                writer.Begin(Spec(i));
                writer.Write(MemoryMarshal.AsBytes<float>(values));
            }
            writer.Complete();
        }
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(-1)); // hashes of files that are seconds old are not kept
        ModelSource source = new(path, "model");
        PlanOptions options = new() { Rule = new RankRule.TargetReduction(2) };
        Stopwatch clock = Stopwatch.StartNew();
        RankPlan first = new MakePlan(options).Run(source);
        double computed = clock.Elapsed.TotalSeconds;
        TimeSpan before = Environment.CpuUsage.TotalTime;
        _ = new MakePlan(options).Run(source);
        double processor = (Environment.CpuUsage.TotalTime - before).TotalMilliseconds;
        (double median, double best) = Timing.Measure(15, () => new MakePlan(options).Run(source));
        RankPlan again = new MakePlan(options).Run(source);
        if (!first.Layers.Select(l => (l.Rank, l.RelativeError)).SequenceEqual(again.Layers.Select(l => (l.Rank, l.RelativeError))))
            throw new InvalidOperationException("The cached plan differs.");
        Timing.Print($"plan of {CachedLayers} layers of 256 x 256 from cached spectra: median {median:F1} ms, best {best:F1} ms of 15, {processor:F1} ms of processors in the second run; the first took {computed:F2} s, {computed * 1e3 / median:F0} times that");
    }

    private static TensorSpec Spec(int i) => new($"layers.{i}.fc.weight", TensorDType.F32, [256, 256]);
}
