using System.Collections.Concurrent;
using System.Diagnostics;

namespace LowRankTools.Formats.Tests.Peers;

/// <summary>
/// The other reader and writer of a format: a python3 that has the reference library. The first of the
/// interpreters on this machine that can import what a script asks for runs it.
/// </summary>
internal static class PythonPeer
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);
    private static readonly string[] s_interpreters = ["/usr/bin/python3", "python3", "python"];
    private static readonly ConcurrentDictionary<string, string?> s_byModule = new(StringComparer.Ordinal);

    /// <summary>The interpreter that imports <paramref name="module"/>, or null where there is none.</summary>
    public static string? Find(string module) => s_byModule.GetOrAdd(module, static name =>
        Array.Find(s_interpreters, i => Start(i, $"import {name}", []) is { ExitCode: 0 }));

    /// <summary>Runs a script; its arguments are <c>sys.argv[1:]</c>. Returns what it prints.</summary>
    public static string Run(string script, params string[] args)
    {
        string problem = "There is no python3.";
        foreach (string interpreter in s_byModule.Values.OfType<string>().Concat(s_interpreters).Distinct())
        {
            if (Start(interpreter, script, args) is not { } result)
                continue;
            if (result.ExitCode == 0)
                return result.Output;
            problem = result.Error;
            if (!problem.Contains("ModuleNotFoundError", StringComparison.Ordinal))
                break;
        }
        throw new InvalidOperationException(problem);
    }

    private static (int ExitCode, string Output, string Error)? Start(string interpreter, string script, string[] args)
    {
        ProcessStartInfo start = new(interpreter) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["-W", "ignore", "-c", script, .. args])
            start.ArgumentList.Add(argument);
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            if (!process.WaitForExit(s_patience))
            {
                process.Kill();
                throw new TimeoutException($"python3 took longer than {s_patience}.");
            }
            return (process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

}

/// <summary>A test that compares with a Python library, skipped with the reason where it is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PythonFactAttribute : FactAttribute
{
    public PythonFactAttribute(string module)
    {
        if (PythonPeer.Find(module) is null)
            Skip = $"needs python3 with the module '{module}'";
    }
}

/// <summary>As <see cref="PythonFactAttribute"/>, for a theory.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PythonTheoryAttribute : TheoryAttribute
{
    public PythonTheoryAttribute(string module)
    {
        if (PythonPeer.Find(module) is null)
            Skip = $"needs python3 with the module '{module}'";
    }
}
