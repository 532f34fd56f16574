using System.Diagnostics;
using System.Globalization;

namespace LowRankTools.Benchmarks;

/// <summary>
/// Processor time of four parts and joining them against one run over the whole model, on two cores: all parts in one process, as ForEach-Object -Parallel runs them,
/// and each in a process of its own, as a scheduler does, by the console program of a Release build and by the native one. Whole processes, with everything that starting one costs.
/// </summary>
internal static class PartsBenchmark
{
    private const int Parts = 4, Runs = 5;

    private static readonly (string Name, string Path)[] s_programs = [("lowrank", "src/LowRankTools.Cli/bin/Release/net10.0/lowrank"), ("native lowrank", "src/LowRankTools.Cli/bin/native/lowrank")];

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName;
        try
        {
            string model = BertShaped.WriteSafetensors(Path.Combine(folder, "model"));
            string size = (new FileInfo(model).Length / 1e6).ToString("0", CultureInfo.InvariantCulture);
            foreach (string rank in new[] { "64", "256" })
            {
                List<double> whole = [], together = [];
                for (int run = 0; run < Runs; run++)
                {
                    whole.Add(ChildProcess.Watch("factorize", model, rank, Path.Combine(folder, "out")).ProcessorSeconds);
                    together.Add(ChildProcess.Watch("parts", model, rank, Path.Combine(folder, "together")).ProcessorSeconds);
                }
                Print($"{size} MB, rank {rank}: one run against {Parts} parts and joining, all in one process", whole, together);
                foreach ((string name, string path) in s_programs)
                {
                    if (ImportBenchmark.FindUpwards(path) is { } program) Apart(program, $"{size} MB, rank {rank}, {name}: one run against {Parts} parts and joining, a process each", model, rank, folder);
                    else Console.WriteLine($"   {path} is absent: its rows are left out");
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Two parts at a time, as two machines or two cores take them.
    private static void Apart(string program, string what, string model, string rank, string folder)
    {
        List<double> whole = [], apart = [];
        string output = Path.Combine(folder, "apart"), joined = Path.Combine(output, Path.GetFileName(Path.GetDirectoryName(model))!);
        for (int run = 0; run < Runs; run++)
        {
            double start = ChildrenSeconds();
            Start(program, "factorize", model, "--rank", rank, "--include-embedding", "--output-path", Path.Combine(folder, "one"), "--force");
            double middle = ChildrenSeconds();
            Parallel.For(1, Parts + 1, new ParallelOptions { MaxDegreeOfParallelism = 2 },
                i => Start(program, "factorize", model, "--rank", rank, "--include-embedding", "--output-path", output, "--part", $"{i}/{Parts}", "--thread-count", "1", "--force"));
            Start(program, "join", joined, "--force");
            whole.Add(middle - start);
            apart.Add(ChildrenSeconds() - middle);
        }
        Print(what, whole, apart);
    }

    private static void Start(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> said = process.StandardOutput.ReadToEndAsync();
        string wrong = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with code {process.ExitCode}: {said.Result}{wrong}");
    }

    /// <summary>User and system time of all children that have ended, as Linux counts it in hundredths of a second.</summary>
    private static double ChildrenSeconds()
    {
        string[] fields = File.ReadAllText("/proc/self/stat").Split(") ")[^1].Split(' ');
        return (long.Parse(fields[13], CultureInfo.InvariantCulture) + long.Parse(fields[14], CultureInfo.InvariantCulture)) / 100.0;
    }

    // Ratios are of runs that follow each other, so that a machine that changes its pace changes both.
    private static void Print(string what, List<double> whole, List<double> parts) =>
        Timing.Print($"   {what}: {Median(whole):0.00} s and {Median(parts):0.00} s of processor time, medians of {Runs}; {Median(parts.Zip(whole, (p, w) => p / w)):0.00} times (median of the runs' ratios; goal 1.1)");

    private static double Median(IEnumerable<double> times) => times.Order().ElementAt(Runs / 2);
}
