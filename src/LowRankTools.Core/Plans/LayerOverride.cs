using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Plans;

/// <summary>A rank that is given by hand to the layers that a pattern names.</summary>
/// <param name="Pattern">The pattern as it was written; a name without wildcards goes before patterns.</param>
/// <param name="Matches">Whether a name matches.</param>
/// <param name="Rank">The rank; null to leave the layer dense.</param>
public sealed record LayerOverride(string Pattern, Predicate<string> Matches, int? Rank)
{
    /// <summary>Whether the pattern is a name.</summary>
    internal bool IsExact => !Pattern.AsSpan().ContainsAny('*', '?', '[');
}

/// <summary>All of them, and which ones were of use.</summary>
internal sealed class LayerOverrides(IReadOnlyList<LayerOverride> all)
{
    private readonly HashSet<LayerOverride> _used = [];

    /// <summary>What is decided by hand for a layer; null where nothing is, or the tensor is no matrix.</summary>
    /// <exception cref="LowRankToolsException"><c>RankExceedsLayer</c>, or <c>OptionInvalid</c>: two patterns contradict each other.</exception>
    public LayerOverride? Of(LayerShape shape) =>
        shape.IsMatrix ? Of(shape.Name, (shape.InFeatures!.Value, shape.OutFeatures!.Value)) : null;

    /// <summary>The same of a name and a size.</summary>
    public LayerOverride? Of(string name, (long Rows, long Columns) size)
    {
        if (all.Count == 0)
            return null;
        LayerOverride[] matching = [.. all.Where(o => LayerSelection.Matches(o.Matches, name))];
        _used.UnionWith(matching);
        LayerOverride[] exact = Array.FindAll(matching, o => o.IsExact);
        LayerOverride[] valid = exact.Length > 0 ? exact : matching;
        if (valid.Length == 0)
            return null;
        if (Array.Find(valid, o => o.Rank != valid[0].Rank) is { } other)
        {
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"-LayerRank: '{valid[0].Pattern}' and '{other.Pattern}' both name '{name}' and do not agree.",
                "Write the layer's name without wildcards: it goes before patterns.");
        }
        if (valid[0].Rank is { } rank && rank > Math.Min(size.Rows, size.Columns))
        {
            throw new LowRankToolsException(CoreErrors.RankExceedsLayer, $"-LayerRank: '{name}' is {size.Rows} x {size.Columns} and has no rank {rank}.",
                $"Its ranks go up to {Math.Min(size.Rows, size.Columns)}, and a pair is smaller up to {RankBounds.BreakEven(size.Rows, size.Columns)}.");
        }
        return valid[0];
    }

    /// <summary>Makes sure that no pattern is misspelt.</summary>
    /// <exception cref="LowRankToolsException"><c>LayerNotFound</c>.</exception>
    public void RequireAllUsed(string where)
    {
        if (all.FirstOrDefault(o => !_used.Contains(o)) is { } idle)
            throw new LowRankToolsException(CoreErrors.LayerNotFound, $"{where}: no matrix is called '{idle.Pattern}', which -LayerRank names.", "List names with Get-LayerShapes.");
    }
}
