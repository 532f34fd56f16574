using System.Diagnostics;

namespace LowRankTools.Formats.Tests.Peers;

/// <summary>
/// Parsers written in JavaScript: a script runs in node with the packages of tests/RealModels. Scripts read files
/// of this machine only.
/// </summary>
internal static class NodePeer
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);
    private static readonly Lazy<bool> s_present = new(() => Start(Path.GetTempPath(), "0", []) is { ExitCode: 0 });

    /// <summary>Why scripts that import <paramref name="package"/> cannot run; null where they can.</summary>
    public static string? Missing(string package) =>
        RealModels.Missing($"{package}/package.json") ?? (s_present.Value ? null : "needs node");

    /// <summary>Runs a module script that imports <paramref name="package"/>; returns what it prints.</summary>
    public static string Run(string package, string script, params string[] args)
    {
        string folder = Path.GetDirectoryName(RealModels.Path($"{package}/package.json"))!;
        (int exitCode, string output, string error) = Start(folder, script, args) ?? throw new InvalidOperationException("There is no node.");
        return exitCode == 0 ? output : throw new InvalidOperationException(error);
    }

    private static (int ExitCode, string Output, string Error)? Start(string folder, string script, string[] args)
    {
        ProcessStartInfo start = new("node") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        foreach (string argument in (string[])["--input-type=module", "--eval", script, "--", .. args])
            start.ArgumentList.Add(argument);
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            if (!process.WaitForExit(s_patience))
            {
                process.Kill();
                throw new TimeoutException($"node took longer than {s_patience}.");
            }
            return (process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}

/// <summary>A test that asks a JavaScript parser, skipped with the reason where node or its package is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NodeFactAttribute : FactAttribute
{
    public NodeFactAttribute(params string[] packages) => Skip = packages.Select(NodePeer.Missing).FirstOrDefault(reason => reason is not null);
}

/// <summary>The same for a test with several cases.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NodeTheoryAttribute : TheoryAttribute
{
    public NodeTheoryAttribute(params string[] packages) => Skip = packages.Select(NodePeer.Missing).FirstOrDefault(reason => reason is not null);
}
