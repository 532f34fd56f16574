using System.Text.Json;
using LowRankTools.Cli.Commands;

namespace LowRankTools.Cli.Tests;

/// <summary>One command line, run in this process, and all that it said.</summary>
internal sealed record CliRun(int Code, string Out, string Error)
{
    public static async Task<CliRun> Of(params string[] args)
    {
        using StringWriter output = new(), error = new();
        int code = await ConsoleApp.RunAsync(args, output, error, CancellationToken.None);
        return new CliRun(code, output.ToString(), error.ToString());
    }

    /// <summary>As it would run with both streams on a screen.</summary>
    public static CliRun OnScreen(bool color, params string[] args)
    {
        using StringWriter output = new(), error = new();
        Terminal terminal = new(Output: true, Error: true, color, Width: 80);
        int code = ConsoleApp.Run(args, new ConsoleContext(output, error, terminal, CancellationToken.None));
        return new CliRun(code, output.ToString(), error.ToString());
    }

    /// <summary>Standard output as JSON, an object a line; fails where any line is something else.</summary>
    public IReadOnlyList<JsonElement> Json =>
        [.. Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
