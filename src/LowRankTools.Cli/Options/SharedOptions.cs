using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using LowRankTools.Core;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Options;

/// <summary>Arguments and options that several verbs have.</summary>
internal static class SharedOptions
{
    public static Argument<string[]> Paths(bool required = true)
    {
        Argument<string[]> paths = new("PATH") { Description = "Model files, shard indexes or folders; * and ? are expanded.", Arity = required ? ArgumentArity.OneOrMore : ArgumentArity.ZeroOrMore };
        paths.Validators.Add(RefuseOptions);
        return paths;
    }

    /// <summary>Keeps an option that does not exist, such as a misspelt one, from being taken for a path.</summary>
    public static void RefuseOptions(ArgumentResult result)
    {
        foreach (Token token in result.Tokens)
        {
            if (token.Value.StartsWith('-'))
                result.AddError($"There is no option '{token.Value}' here; a path that begins so is written ./{token.Value}.");
        }
    }

    public static Option<bool> Recurse() => new("--recurse") { Description = "Search the subfolders of folders too." };

    public static Option<bool> NoCache() => new("--no-cache") { Description = "Compute spectra whatever the cache folder holds, and keep none." };

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

    /// <summary>An option that takes a number of a certain range.</summary>
    /// <param name="name">Name of the option.</param>
    /// <param name="description">What it is for.</param>
    /// <param name="range">Whether a number makes sense.</param>
    /// <param name="must">What a number must be, for the error.</param>
    public static Option<T?> Number<T>(string name, string description, Func<T, bool> range, string must)
        where T : struct, ISpanParsable<T> => new(name)
        {
            Description = description,
            HelpName = "number",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (T.TryParse(text, CultureInfo.InvariantCulture, out T number) && range(number))
                    return number;
                result.AddError($"{name} {text}: {must}.");
                return null;
            },
        };

    /// <summary>How many layers share a basis.</summary>
    public static Option<int?> ShareBasis() =>
        Number<int>("--share-basis", "Most layers of one kind, in blocks that follow each other, that share the factor next to their inputs.", n => n >= 2, "at least 2 layers share a basis");

    /// <summary>Which layers share none.</summary>
    public static Option<string[]> ShareBasisExclude() => new("--share-basis-exclude") { Description = "Layers whose name matches keep a factor of their own all the same; repeatable.", HelpName = "pattern" };

    /// <summary>Threads to compute with.</summary>
    public static Option<int?> ThreadCount() =>
        Number<int>("--thread-count", "Threads to use; every core by default.", n => n >= 1, "a count of threads is a whole number, at least 1");

    /// <summary>An option that takes positive whole numbers, with commas between them; repeatable.</summary>
    /// <param name="name">Name of the option.</param>
    /// <param name="description">What it is for.</param>
    /// <param name="must">What a number must be, for the error.</param>
    public static Option<int[]> Numbers(string name, string description, string must) => List(name, description, "number", text =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= 1
            ? number : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{name} {text}: {must}."));

    /// <summary>Shapes of layers.</summary>
    public static Option<MatrixShape[]> Shapes() =>
        List("--shape", "Shapes of layers, outputs x inputs, with commas between them: 3072x768,768x768.", "shape", MatrixShape.Parse);

    /// <summary>An option that takes several values, with commas between them; repeatable.</summary>
    public static Option<T[]> List<T>(string name, string description, string helpName, Func<string, T> read) => new(name)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result =>
        {
            try
            {
                return [.. result.Tokens.SelectMany(t => t.Value.Split(',')).Select(read)];
            }
            catch (LowRankToolsException e)
            {
                result.AddError(e.Message);
                return null;
            }
        },
    };

    /// <summary>Patterns over layer names.</summary>
    public static IReadOnlyList<Predicate<string>> Patterns(string[]? patterns) =>
        patterns is null ? [] : [.. patterns.Select(LayerSelection.Pattern)];
}
