using System.CommandLine;
using LowRankTools.Core;

namespace LowRankTools.Cli.Options;

/// <summary>Arguments and options that several verbs have.</summary>
internal static class SharedOptions
{
    public static Argument<string[]> Paths() => new("PATH")
    {
        Description = "Model files, shard indexes or folders; * and ? are expanded.",
        Arity = ArgumentArity.OneOrMore,
    };

    public static Option<bool> Recurse() => new("--recurse") { Description = "Search the subfolders of folders too." };

    public static Option<bool> Json() => new("--json") { Description = "Print one JSON object a line and nothing else." };

    public static Option<string[]> Include() => new("--include")
    {
        Description = "Only layers whose name matches this pattern of * and ?; repeatable.",
        HelpName = "pattern",
    };

    public static Option<string[]> Exclude() => new("--exclude")
    {
        Description = "No layers whose name matches this pattern of * and ?; repeatable.",
        HelpName = "pattern",
    };

    /// <summary>An option whose values are the names of an enumeration, in any case.</summary>
    public static Option<string?> Choice(string name, string description, params string[] values)
    {
        Option<string?> option = new(name) { Description = description, HelpName = string.Join('|', values).ToLowerInvariant() };
        option.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, values);
        return option;
    }

    /// <summary>Patterns over layer names.</summary>
    public static IReadOnlyList<Predicate<string>> Patterns(string[]? patterns) =>
        patterns is null ? [] : [.. patterns.Select(LayerSelection.Pattern)];
}
