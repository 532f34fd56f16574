namespace LowRankTools.Core.Figures;

/// <summary>How a series is drawn.</summary>
public enum SeriesKind
{
    /// <summary>A line through the points.</summary>
    Line,
    /// <summary>A broken line: a limit or a comparison.</summary>
    DashedLine,
    /// <summary>The points alone.</summary>
    Points,
    /// <summary>Points and the line through them.</summary>
    LineAndPoints,
    /// <summary>Bars from the left, one for each category of the other axis.</summary>
    Bars,
}
