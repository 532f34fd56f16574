using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace LowRankTools.Core.Tests.Reports;

/// <summary>The system's Chromium, driven by the script in tests/Browser.</summary>
internal static class Browser
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);
    private static readonly string? s_chromium = InPath("chromium") ?? InPath("chromium-browser") ?? InPath("google-chrome");

    /// <summary>Why no page can be opened; null where one can.</summary>
    public static string? Missing { get; } =
        !File.Exists(Place("node_modules/playwright-core/package.json")) ? "needs 'npm ci --ignore-scripts' in tests/Browser"
        : InPath("node") is null ? "needs node"
        : s_chromium is null ? "needs Chromium" : null;

    /// <summary>What was seen of a page, as JSON: a visit for each theme, for a phone, and without JavaScript.</summary>
    public static string Check(string page)
    {
        ProcessStartInfo start = new("node", [Place("check-report.mjs"), page, s_chromium!]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync(), output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(s_patience))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"The browser took longer than {s_patience}.");
        }
        return process.ExitCode == 0 ? output.GetAwaiter().GetResult() : throw new InvalidOperationException(error.GetAwaiter().GetResult());
    }

    private static string? InPath(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(folder => new[] { Path.Combine(folder, program), Path.Combine(folder, program + ".exe") }).FirstOrDefault(File.Exists);

    private static string Place(string name, [CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../Browser", name));
}

/// <summary>A test that opens pages, skipped with the reason where there is no browser.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BrowserTheoryAttribute : TheoryAttribute
{
    public BrowserTheoryAttribute() => Skip = Browser.Missing;
}
