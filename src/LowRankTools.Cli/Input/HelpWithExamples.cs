using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace LowRankTools.Cli.Input;

/// <summary>The help that the grammar gives, and below it command lines to start from.</summary>
/// <param name="grammar">The help of arguments and options.</param>
internal sealed class HelpWithExamples(HelpAction grammar) : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        int code = grammar.Invoke(parseResult);
        string[] examples = VerbExamples.Of(VerbOf(parseResult.CommandResult.Command));
        if (examples.Length == 0)
            return code;
        TextWriter output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (string example in examples)
            output.WriteLine($"  lowrank {example}");
        output.WriteLine();
        return code;
    }

    /// <summary>Puts this help in the place of a program's own.</summary>
    public static void AddTo(RootCommand root)
    {
        HelpOption option = root.Options.OfType<HelpOption>().Single();
        option.Action = new HelpWithExamples((HelpAction)option.Action!);
    }

    private static string VerbOf(Symbol command) =>
        command.Parents.FirstOrDefault() is { } parent and not RootCommand ? $"{VerbOf(parent)} {command.Name}" : command.Name;
}
