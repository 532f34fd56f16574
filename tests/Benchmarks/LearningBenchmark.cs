using System.Diagnostics;
using System.Globalization;
using LowRankTools.Core.Demo.Learning;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Benchmarks;

/// <summary>The table of small tasks: what each road to a small network comes to.</summary>
internal static class LearningBenchmark
{
    public static void Run()
    {
        var study = new LearningStudy();
        var watch = Stopwatch.StartNew();
        IReadOnlyList<LearningRow> rows = study.Run(new EmbeddedEngine());
        CultureInfo culture = CultureInfo.InvariantCulture;
        Console.WriteLine($"{study}; judged on 256 sequences that nobody was trained on; {watch.Elapsed.TotalSeconds.ToString("F0", culture)} s");
        Console.WriteLine("| task | network | parameters | trained | steps | loss | accuracy |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (LearningRow row in rows)
            Console.WriteLine(string.Create(culture, $"| {row.Task} | {row.Method} | {row.Parameters:N0} | {100 * row.Trained:F1} % | {row.Steps} | {row.Loss:F4} | {100 * row.Accuracy:F1} % |"));
    }
}
