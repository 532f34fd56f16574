using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace LowRankTools.NotebookRunner;

/// <summary>
/// A .NET Interactive process that runs cells: the pinned tool, spoken to in lines of JSON on its standard streams, as the
/// extension of VS Code does.
/// </summary>
public sealed class InteractiveKernel : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Channel<JsonObject> _events = Channel.CreateUnbounded<JsonObject>();
    private readonly List<string> _errors = [];
    private int _commands;

    private InteractiveKernel(Process process) => _process = process;

    /// <summary>Starts the tool and waits until it is ready.</summary>
    /// <param name="toolFolder">A folder from which the tool's manifest is found: the clone.</param>
    /// <param name="workingFolder">Where cells run: the notebook's folder.</param>
    /// <param name="environment">Variables to set for it.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="InvalidOperationException">The tool does not start.</exception>
    public static async Task<InteractiveKernel> StartAsync(string toolFolder, string workingFolder, IReadOnlyDictionary<string, string> environment, CancellationToken cancellation)
    {
        ProcessStartInfo start = new("dotnet", ["tool", "run", "dotnet-interactive", "--", "stdio", "--default-kernel", "csharp", "--working-dir", workingFolder])
        {
            WorkingDirectory = toolFolder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        start.Environment["DOTNET_INTERACTIVE_CLI_TELEMETRY_OPTOUT"] = "1";
        InteractiveKernel kernel = new(Process.Start(start)!);
        _ = kernel.ReadEventsAsync();
        kernel._process.ErrorDataReceived += (_, e) => { if (e.Data is not null) lock (kernel._errors) kernel._errors.Add(e.Data); };
        kernel._process.BeginErrorReadLine();
        while (await kernel.NextAsync(cancellation) is { } e)
        {
            if ((string?)e["eventType"] == "KernelReady")
                return kernel;
        }
        await kernel.DisposeAsync();
        throw new InvalidOperationException($"dotnet-interactive did not start. Run 'dotnet tool restore' in {toolFolder}. It said: {string.Join(' ', kernel._errors)}");
    }

    /// <summary>Runs one cell to its end.</summary>
    /// <param name="cell">A code cell.</param>
    /// <param name="cancellation">Stops waiting; the process is then of no more use.</param>
    /// <returns>What the cell showed, and the message of its failure or null.</returns>
    /// <exception cref="InvalidOperationException">The process ended.</exception>
    public async Task<(JsonArray Outputs, string? Failure)> RunAsync(NotebookCell cell, CancellationToken cancellation)
    {
        string token = $"cell-{++_commands}";
        JsonObject command = new()
        {
            ["token"] = token,
            ["commandType"] = "SubmitCode",
            ["command"] = new JsonObject { ["code"] = cell.Source, ["targetKernelName"] = cell.Kernel },
            ["routingSlip"] = new JsonArray(),
        };
        await _process.StandardInput.WriteLineAsync(command.ToJsonString().AsMemory(), cancellation);
        await _process.StandardInput.FlushAsync(cancellation);
        CellOutputs outputs = new();
        while (await NextAsync(cancellation) is { } e)
        {
            if ((string?)e["command"]?["token"] is not { } owner || owner != token && !owner.StartsWith(token + ".", StringComparison.Ordinal))
                continue;
            string type = (string)e["eventType"]!;
            if (owner == token && type == "CommandSucceeded")
                return (outputs.ToJson(), outputs.Error); // an imported file's failing cell does not fail the import
            if (owner == token && type == "CommandFailed")
            {
                // Of a command that others carry out, the last of those says more.
                string failure = outputs.LastError ?? (string?)e["event"]?["message"] ?? "the cell failed";
                return (outputs.ToJson(), failure);
            }
            outputs.Add(type, e["event"]!.AsObject());
        }
        throw new InvalidOperationException($"dotnet-interactive ended while it ran cell {cell.Number}. It said: {string.Join(' ', _errors)}");
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        // The tool's command is a parent that only waits: what computes is its child.
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private async Task<JsonObject?> NextAsync(CancellationToken cancellation) =>
        await _events.Reader.WaitToReadAsync(cancellation) && _events.Reader.TryRead(out JsonObject? e) ? e : null;

    private async Task ReadEventsAsync()
    {
        try
        {
            while (await _process.StandardOutput.ReadLineAsync() is { } line)
            {
                // The first start on a machine greets in plain text.
                if (line.StartsWith('{') && JsonNode.Parse(line) is JsonObject e)
                    _events.Writer.TryWrite(e);
            }
        }
        catch (Exception e) when (e is IOException or JsonException or InvalidOperationException)
        {
            lock (_errors)
                _errors.Add(e.Message);
        }
        finally
        {
            _events.Writer.TryComplete();
        }
    }
}
