namespace LowRankTools.Cli.Input;

/// <summary>The ways to ask for help that are no option: nothing at all, <c>help</c>, <c>help VERB</c>.</summary>
internal static class HelpRequest
{
    private const string Help = "help", Option = "--help";

    /// <summary>The command line with the option in their place.</summary>
    public static string[] Of(string[] args) => args switch
    {
        [] or [Help] => [Option],
        [Help, var verb] when !verb.StartsWith('-') => [verb, Option],
        _ => args,
    };
}
