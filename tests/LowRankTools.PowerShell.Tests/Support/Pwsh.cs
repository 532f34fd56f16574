using System.Diagnostics;
using System.Text.Json;
using LowRankTools.Tests;

namespace LowRankTools.PowerShell.Tests.Support;

/// <summary>
/// The real PowerShell, in the version of the tool manifest: the module is tested in nothing else. It is started as
/// <c>dotnet pwsh.dll</c> and not through the tool's command, whose process passes no signal on.
/// </summary>
internal static class Pwsh
{
    private static readonly string s_version = ManifestVersion();
    private static readonly string? s_program = Find();

    /// <summary>Why tests that need it are skipped; null where they are not.</summary>
    public static string? Skip { get; } = s_program is null ? $"needs PowerShell {s_version}: dotnet tool restore" : null;

    private static string Dotnet =>
        Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet";

    /// <summary>How to start it, with its streams redirected.</summary>
    public static ProcessStartInfo Start(string command)
    {
        ChildInterrupt.TakeEffect();
        ProcessStartInfo start = new(Dotnet)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in (string[])[s_program!, "-NoProfile", "-NonInteractive", "-Command", command])
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

    private static string ManifestVersion()
    {
        using JsonDocument manifest = JsonDocument.Parse(File.ReadAllText(Repository.ToolManifest));
        return manifest.RootElement.GetProperty("tools").GetProperty("powershell").GetProperty("version").GetString()!;
    }

    // The tool's command knows where the SDK has put the package; PowerShell tells.
    private static string? Find()
    {
        ProcessStartInfo start = new(Dotnet) { WorkingDirectory = Repository.Root, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["tool", "run", "pwsh", "--", "-NoProfile", "-NonInteractive", "-Command", "$PSHOME"])
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        _ = process.StandardError.ReadToEndAsync();
        string program = Path.Combine(process.StandardOutput.ReadToEnd().Trim(), "pwsh.dll");
        process.WaitForExit();
        return process.ExitCode == 0 && File.Exists(program) ? program : null;
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
