using System.Diagnostics;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Engines.Installing;

/// <summary>The .NET SDK, whose package client knows this machine's sources, proxies and credentials.</summary>
/// <param name="Host">Full path of the program dotnet.</param>
/// <param name="Framework">Framework that its newest SDK builds for, such as <c>net10.0</c>.</param>
internal sealed record DotnetSdk(string Host, string Framework)
{
    private static readonly TimeSpan s_glance = TimeSpan.FromMilliseconds(200);

    /// <summary>The one that this process runs on, or that the environment or the path names; null where none is installed.</summary>
    public static DotnetSdk? Find() => Hosts().Select(Of).OfType<DotnetSdk>().FirstOrDefault();

    /// <summary>Runs a command of it to its end.</summary>
    /// <param name="folder">Folder to run in.</param>
    /// <param name="arguments">The command.</param>
    /// <param name="line">Gets every line that it says.</param>
    /// <param name="cancellationToken">Ends it, with all that it started.</param>
    /// <returns>Its exit code.</returns>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public int Run(string folder, IEnumerable<string> arguments, Action<string> line, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = new(Host) { WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        // A build server would live on, and what runs us may itself be a build whose settings are not meant for this one.
        foreach (string name in start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(name);
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Lock gate = new();
        void Take(object sender, DataReceivedEventArgs e)
        {
            if (e.Data is { Length: > 0 } text)
            {
                lock (gate)
                    line(text.Trim());
            }
        }
        process.OutputDataReceived += Take;
        process.ErrorDataReceived += Take;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        while (!process.WaitForExit(s_glance))
        {
            if (!cancellationToken.IsCancellationRequested)
                continue;
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            throw new OperationCanceledException(cancellationToken);
        }
        process.WaitForExit();
        return process.ExitCode;
    }

    private static IEnumerable<string> Hosts()
    {
        string name = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        if (Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host)
            yield return host;
        if (Environment.ProcessPath is { } self && Path.GetFileName(self) == name)
            yield return self;
        string?[] folders = [Environment.GetEnvironmentVariable("DOTNET_ROOT"), .. (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator)];
        foreach (string? folder in folders)
        {
            if (!string.IsNullOrEmpty(folder))
                yield return Path.Combine(folder, name);
        }
    }

    private static DotnetSdk? Of(string host)
    {
        if (!File.Exists(host))
            return null;
        string program = File.ResolveLinkTarget(host, returnFinalTarget: true)?.FullName ?? host;
        string sdks = Path.Combine(Path.GetDirectoryName(program)!, "sdk");
        if (!Directory.Exists(sdks))
            return null;
        int newest = Directory.EnumerateDirectories(sdks).Select(s => int.TryParse(Path.GetFileName(s).Split('.')[0], out int major) ? major : 0).DefaultIfEmpty().Max();
        return newest > 0 ? new DotnetSdk(program, $"net{newest}.0") : null;
    }

    /// <summary>The error of a machine without one.</summary>
    /// <param name="library">What it would have brought.</param>
    public static LowRankToolsException Missing(EngineLibrary library) => new(CoreErrors.EngineInstallFailed, $"No .NET SDK is installed, whose package client brings {library.Title}.",
        $"Install the .NET SDK, or unpack {library.Title} {library.Version} yourself and give its folder as {library.Parameter}.");
}
