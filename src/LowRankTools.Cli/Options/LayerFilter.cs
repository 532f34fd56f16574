using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;

namespace LowRankTools.Cli.Options;

/// <summary>Which layers are listed: by patterns over names, and by kind.</summary>
internal sealed class LayerFilter(string[]? include, string[]? exclude, string[]? kinds)
{
    private readonly IReadOnlyList<Predicate<string>> _include = SharedOptions.Patterns(include);
    private readonly IReadOnlyList<Predicate<string>> _exclude = SharedOptions.Patterns(exclude);
    private readonly HashSet<LayerKind> _kinds = [.. (kinds ?? []).Select(k => Enum.Parse<LayerKind>(k, ignoreCase: true))];

    public bool Passes(LayerShape shape) =>
        (_kinds.Count == 0 || _kinds.Contains(shape.Kind))
        && (_include.Count == 0 || _include.Any(p => LayerSelection.Matches(p, shape.Name)))
        && !_exclude.Any(p => LayerSelection.Matches(p, shape.Name));
}
