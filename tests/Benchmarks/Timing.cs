using System.Diagnostics;
using System.Globalization;

namespace LowRankTools.Benchmarks;

/// <summary>Clocks and peers.</summary>
internal static class Timing
{
    /// <summary>Median and best of several runs, in milliseconds, after one warm-up.</summary>
    public static (double Median, double Best) Measure(int runs, Action action)
    {
        action();
        double[] times = new double[runs];
        for (int i = 0; i < runs; i++)
        {
            Stopwatch clock = Stopwatch.StartNew();
            action();
            times[i] = clock.Elapsed.TotalMilliseconds;
        }
        Array.Sort(times);
        return (times[runs / 2], times[0]);
    }

    /// <summary>Prints one figure in an invariant form.</summary>
    public static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    /// <summary>Runs a peer; null where the program or its modules are absent, which is printed.</summary>
    public static string? Peer(string program, params string[] arguments) => PeerOn("", program, arguments);

    /// <summary>The same with OpenBLAS told which kernels to use.</summary>
    public static string? PeerOn(string coreType, string program, params string[] arguments)
    {
        try
        {
            ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
            PeerProcess.Prepare(start, coreType, threads: 2);
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode == 0)
                return output.Trim();
            Console.WriteLine($"   peer failed: {error.Result.Trim().Split('\n')[^1]}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Console.WriteLine($"   peer absent: {program}");
        }
        return null;
    }
}
