namespace LowRankTools.Core.Figures;

/// <summary>One axis of a plot.</summary>
/// <param name="Title">What it measures, with the unit.</param>
public sealed record FigureAxis(string Title)
{
    /// <summary>Whether equal ratios lie equally far apart; values that are not positive are then left out.</summary>
    public bool IsLog { get; init; }

    /// <summary>How its ticks are written.</summary>
    public AxisFormat Format { get; init; }

    /// <summary>Names in place of numbers, from top to bottom: a series' values are then indexes into them. Null for numbers.</summary>
    public IReadOnlyList<string>? Categories { get; init; }
}
