using System.Diagnostics;

namespace LowRankTools.PowerShell.Tests.Support;

/// <summary>The real PowerShell on this machine: the module is tested in nothing else.</summary>
internal static class Pwsh
{
    private const string Program = "pwsh";
    private static readonly Version s_oldest = new(7, 6);
    private static readonly Lazy<bool> s_isThere = new(Look);

    /// <summary>Why tests that need it are skipped; null where they are not.</summary>
    public static string? Skip => s_isThere.Value ? null : "needs PowerShell 7.6 (pwsh) on PATH";

    /// <summary>How to start it, with its streams redirected.</summary>
    public static ProcessStartInfo Start(string command, string? launcher = null, params string[] launcherArguments)
    {
        ProcessStartInfo start = new(launcher ?? Program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in (string[])[.. launcherArguments, .. launcher is null ? [] : (string[])[Program], "-NoProfile", "-NonInteractive", "-Command", command])
            start.ArgumentList.Add(argument);
        start.Environment["NO_COLOR"] = "1";
        start.Environment["POWERSHELL_TELEMETRY_OPTOUT"] = "1";
        start.Environment["LOWRANK_MANIFEST"] = Repository.Manifest;
        return start;
    }

    /// <summary>Runs a command in a fresh process; returns what it prints.</summary>
    public static string Run(string command)
    {
        using Process process = Process.Start(Start(command))!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error.GetAwaiter().GetResult() + output);
        return output;
    }

    private static bool Look()
    {
        try
        {
            using Process process = Process.Start(Start("$PSVersionTable.PSVersion.ToString()"))!;
            process.StandardInput.Close();
            string version = process.StandardOutput.ReadToEnd().Trim();
            return Version.TryParse(version.Split('-')[0], out Version? found) && found >= s_oldest;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}

/// <summary>A test in real PowerShell, skipped with the reason where it is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PwshFactAttribute : FactAttribute
{
    public PwshFactAttribute() => Skip = Pwsh.Skip;
}

/// <summary>As <see cref="PwshFactAttribute"/>, for a theory.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PwshTheoryAttribute : TheoryAttribute
{
    public PwshTheoryAttribute() => Skip = Pwsh.Skip;
}
