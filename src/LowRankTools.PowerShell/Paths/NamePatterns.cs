using System.Management.Automation;
using LowRankTools.Core.Models;

namespace LowRankTools.PowerShell.Paths;

/// <summary>Wildcards over names of layers, PowerShell's own: <c>*</c>, <c>?</c>, <c>[a-z]</c>, without regard to case.</summary>
internal static class NamePatterns
{
    /// <summary>One predicate a pattern; none for null.</summary>
    public static IReadOnlyList<Predicate<string>> Of(string[]? patterns) => [.. (patterns ?? []).Select(Of)];

    /// <summary>Whether any of the patterns names the tensor, or the module that owns it.</summary>
    public static bool Any(IReadOnlyList<Predicate<string>> patterns, string name) => patterns.Any(p => LayerSelection.Matches(p, name));

    private static Predicate<string> Of(string pattern) => new WildcardPattern(pattern, WildcardOptions.IgnoreCase).IsMatch;
}
