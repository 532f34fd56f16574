using System.Diagnostics;
using System.Runtime.InteropServices;
using LowRankTools.Tests;

namespace LowRankTools.Cli.Tests.Process;

/// <summary>The built program as a child process with both streams redirected.</summary>
internal sealed partial class LowRankProcess : IDisposable
{
    private const int Interrupt = 2;

    private readonly System.Diagnostics.Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    public LowRankProcess(params string[] args)
        : this(new Dictionary<string, string>(), args)
    {
    }

    /// <summary>As above, with variables of its environment.</summary>
    public LowRankProcess(IReadOnlyDictionary<string, string> environment, params string[] args)
        : this(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet", [Path.Combine(AppContext.BaseDirectory, "lowrank.dll"), .. args], environment)
    {
    }

    private LowRankProcess(string program, IEnumerable<string> args, IReadOnlyDictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = new(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string arg in args)
            start.ArgumentList.Add(arg);
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        ChildInterrupt.TakeEffect();
        _process = System.Diagnostics.Process.Start(start)!;
        _output = _process.StandardOutput.ReadToEndAsync();
        _error = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>The native program instead.</summary>
    public static LowRankProcess Native(params string[] args) => new(NativeProgram.Path, args);

    public bool HasExited => _process.HasExited;

    /// <summary>Ctrl+C.</summary>
    public void SendInterrupt() => Send(Interrupt);

    /// <summary>A signal.</summary>
    public void Send(int signal) => Assert.Equal(0, Kill(_process.Id, signal));

    /// <summary>The end, at once; of a process that has ended already too.</summary>
    public void SendKill()
    {
        if (!_process.HasExited)
            _process.Kill();
    }

    public async Task<CliRun> Completed()
    {
        await _process.WaitForExitAsync();
        return new CliRun(_process.ExitCode, await _output, await _error);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
