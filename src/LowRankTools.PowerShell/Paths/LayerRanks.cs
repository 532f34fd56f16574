using System.Collections;
using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;

namespace LowRankTools.PowerShell.Paths;

/// <summary>Ranks by hand as PowerShell writes them: <c>@{ 'encoder.*' = 32; 'head' = 'Dense' }</c>.</summary>
internal static class LayerRanks
{
    private const string Dense = nameof(Dense);

    /// <summary>One override an entry; none for null.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: a value is neither a rank nor Dense.</exception>
    public static IReadOnlyList<LayerOverride> Of(IDictionary? ranks) =>
        ranks is null ? [] : [.. ranks.Cast<DictionaryEntry>().Select(e => Of(LanguagePrimitives.ConvertTo<string>(e.Key), e.Value))];

    private static LayerOverride Of(string pattern, object? value)
    {
        Predicate<string> matches = NamePatterns.Of([pattern])[0];
        if (string.Equals(LanguagePrimitives.ConvertTo<string>(value), Dense, StringComparison.OrdinalIgnoreCase))
            return new LayerOverride(pattern, matches, null);
        return value is not null && LanguagePrimitives.TryConvertTo(value, out int rank) ? new LayerOverride(pattern, matches, rank)
            : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"-LayerRank: '{value}' for '{pattern}' is neither a rank nor {Dense}.", "Write @{ 'encoder.*' = 32; 'head' = 'Dense' }.");
    }
}
