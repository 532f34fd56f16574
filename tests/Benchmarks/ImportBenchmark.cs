using System.Globalization;

namespace LowRankTools.Benchmarks;

/// <summary>Import-Module in real PowerShell, each time in a new process.</summary>
internal static class ImportBenchmark
{
    private const string Script = """
        $before = [AppDomain]::CurrentDomain.GetAssemblies().Count
        $clock = [Diagnostics.Stopwatch]::StartNew()
        Import-Module $env:LOWRANK_MANIFEST
        $clock.Stop()
        $own = [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { $_.GetName().Name -like 'LowRankTools*' } | ForEach-Object { $_.GetName().Name }
        "$($clock.Elapsed.TotalMilliseconds.ToString([cultureinfo]::InvariantCulture)) $($own -join ',')"
        """;

    public static void Run()
    {
        string? manifest = FindUpwards("LowRankTools.psd1");
        if (manifest is null)
        {
            Console.WriteLine("   the manifest was not found above this program");
            return;
        }
        Environment.SetEnvironmentVariable("LOWRANK_MANIFEST", manifest);
        List<double> times = [];
        string assemblies = "";
        for (int i = 0; i < 7; i++)
        {
            if (Timing.Peer("pwsh", "-NoProfile", "-NonInteractive", "-Command", Script) is not { } output)
                return;
            string[] parts = output.Split(' ', 2);
            times.Add(double.Parse(parts[0], CultureInfo.InvariantCulture));
            assemblies = parts[1];
        }
        times.Sort();
        Timing.Print($"   Import-Module in a new PowerShell: {times[3]:0} ms median of 7, {times[0]:0} ms best (goal 100 ms)");
        Timing.Print($"   own assemblies loaded by it: {assemblies}");
    }

    /// <summary>The path of this file or folder below the nearest folder above this program that has it.</summary>
    public static string? FindUpwards(string name)
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, name)))
                return Path.Combine(at.FullName, name);
        }
        return null;
    }
}
