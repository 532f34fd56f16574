using System.Diagnostics;
using System.Text.Json;
using LowRankTools.Tests;

namespace LowRankTools.PowerShell.Tests.Support;

/// <summary>
/// One fresh PowerShell with the built module imported, which runs the scripts of a test class one after the other,
/// each in a folder of its own.
/// </summary>
public class PwshSession : IDisposable
{
    private const string Mark = "@@reply ";
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    private readonly Process? _process;

    public PwshSession()
        : this([])
    {
    }

    /// <summary>A session with variables of its environment.</summary>
    private protected PwshSession(IEnumerable<KeyValuePair<string, string>> environment)
    {
        if (Pwsh.Skip is not null)
            return;
        using StreamReader host = new(typeof(PwshSession).Assembly.GetManifestResourceStream("Host.ps1")!);
        ProcessStartInfo start = Pwsh.Start(host.ReadToEnd());
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
    }

    /// <summary>Runs a script in a folder.</summary>
    internal Reply Run(Sandbox sandbox, string script)
    {
        _process!.StandardInput.WriteLine(JsonSerializer.Serialize(new { Folder = sandbox.Root, Script = script }));
        _process.StandardInput.Flush();
        Task<Reply> reply = Task.Run(Read);
        if (!reply.Wait(s_patience))
        {
            _process.Kill(entireProcessTree: true);
            throw new TimeoutException($"No answer within {s_patience}: {script}");
        }
        return reply.Result;
    }

    /// <summary>Runs a script and returns its only output; no error may come.</summary>
    internal JsonElement One(Sandbox sandbox, string script) => Assert.Single(All(sandbox, script));

    /// <summary>Runs a script and returns its output; no error may come.</summary>
    internal IReadOnlyList<JsonElement> All(Sandbox sandbox, string script)
    {
        Reply reply = Run(sandbox, script);
        Assert.True(reply.Thrown is null && reply.Errors.Count == 0, $"{reply.Thrown?.Message}{string.Join('\n', reply.Errors.Select(e => $"{e.Id}: {e.Message}"))}");
        return reply.Output;
    }

    /// <summary>Runs a script whose output is one text; line ends and trailing blanks do not count.</summary>
    internal string Text(Sandbox sandbox, string script) =>
        string.Join('\n', One(sandbox, script).GetString()!.ReplaceLineEndings("\n").Split('\n').Select(l => l.TrimEnd())).Trim('\n');

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        if (_process is null)
            return;
        _process.StandardInput.Close();
        if (!_process.WaitForExit(10_000))
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private Reply Read()
    {
        while (_process!.StandardOutput.ReadLine() is { } line)
        {
            if (line.StartsWith(Mark, StringComparison.Ordinal))
                return JsonSerializer.Deserialize<Reply>(line[Mark.Length..])!;
        }
        throw new InvalidOperationException("PowerShell ended.");
    }
}

/// <summary>A session in which TorchSharp finds libtorch.</summary>
public sealed class TorchSharpSession() : PwshSession([new(LibTorchCopy.Variable, LibTorchCopy.Folder)]);

/// <summary>What a script gave to each stream.</summary>
internal sealed record Reply(IReadOnlyList<JsonElement> Output, IReadOnlyList<Fault> Errors, IReadOnlyList<string> Warnings, IReadOnlyList<string> Verbose, Fault? Thrown)
{
    /// <summary>The first part of each error's id: what went wrong.</summary>
    public IEnumerable<string> ErrorIds => Errors.Select(e => e.Id.Split(',')[0]);
}

/// <summary>An error record.</summary>
internal sealed record Fault(string Id, string Category, string Target, string Message, string Remedy);
