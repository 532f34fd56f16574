namespace LowRankTools.Core.Figures;

/// <summary>Points that belong together.</summary>
/// <param name="Name">What the legend calls them; empty for no entry.</param>
/// <param name="Kind">How they are drawn.</param>
/// <param name="X">From left to right; lengths of bars.</param>
/// <param name="Y">From bottom to top, as many as in <paramref name="X"/>; indexes of categories. What is not finite is a gap.</param>
public sealed record FigureSeries(string Name, SeriesKind Kind, IReadOnlyList<double> X, IReadOnlyList<double> Y)
{
    /// <summary>What a pointer over a point reads, one for each; null for the numbers alone.</summary>
    public IReadOnlyList<string>? Labels { get; init; }

    /// <summary>Whether the labels stand beside their points.</summary>
    public bool ShowLabels { get; init; }

    /// <summary>Whether the rest is compared with it: drawn in grey, behind bars that are narrower.</summary>
    public bool IsReference { get; init; }

    /// <summary>Index of its colour; null for the next one.</summary>
    public int? Color { get; init; }
}
