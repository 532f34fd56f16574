using System.CommandLine;
using System.CommandLine.Parsing;
using LowRankTools.Cli.Errors;
using LowRankTools.Cli.Input;
using LowRankTools.Core;
using LowRankTools.Core.Text;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Commands;

/// <summary>The program without its process: arguments in, text out, exit code back.</summary>
public static class ConsoleApp
{
    /// <summary>Runs one command line as it would run with both streams redirected.</summary>
    /// <param name="args">Verb, paths and options.</param>
    /// <param name="output">Standard output: results.</param>
    /// <param name="error">Standard error: errors, notes.</param>
    /// <param name="cancellationToken">Ctrl+C.</param>
    /// <returns>0 done, 1 bad input, 2 wrong usage, 130 cancelled.</returns>
    public static Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, CancellationToken cancellationToken) =>
        Task.Run(() => Run(args, new ConsoleContext(output, error, Terminal.None, cancellationToken)), CancellationToken.None);

    /// <summary>Runs one command line.</summary>
    internal static int Run(string[] args, ConsoleContext console)
    {
        try
        {
            args = HelpRequest.Of(args);
            // A path may begin with @, as npm's scoped packages do: it is no response file.
            ParseResult parsed = CommandTree.Build(args, console).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
            if (parsed.Errors.Count > 0)
                return WrongUsage(parsed, console);
            return parsed.Invoke(new InvocationConfiguration
            {
                Output = console.Out,
                Error = console.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            });
        }
        catch (OperationCanceledException)
        {
            console.Error.WriteLine("Cancelled. Nothing half-written was left behind.");
            return ExitCode.Cancelled;
        }
        catch (LowRankToolsException e)
        {
            console.Error.WriteLine(ErrorLine.Of(e));
            return e.ErrorId == CoreErrors.OptionInvalid ? ExitCode.WrongUsage : ExitCode.BadInput;
        }
        finally
        {
            console.Out.Flush();
        }
    }

    private static int WrongUsage(ParseResult parsed, ConsoleContext console)
    {
        foreach (ParseError error in parsed.Errors)
            console.Error.WriteLine(SafeText.Line(error.Message));
        if (parsed.CommandResult.Command is RootCommand && VerbSuggestion.For(parsed) is { } meant)
            console.Error.WriteLine($"Did you mean 'lowrank {meant}'?");
        string verb = parsed.CommandResult.Command is RootCommand ? "" : $" {parsed.CommandResult.Command.Name}";
        console.Error.WriteLine($"Try 'lowrank{verb} --help'.");
        return ExitCode.WrongUsage;
    }
}
