namespace LowRankTools.Core.Figures;

/// <summary>
/// A plot as data: what is drawn, what it is called, how it was measured, and the same figures as a table. It is written as
/// a Plotly figure for notebooks and reports, and as SVG where nothing runs.
/// </summary>
public sealed record Figure
{
    /// <summary>What the plot shows, in a few words.</summary>
    public required string Title { get; init; }

    /// <summary>What was measured or computed, on what, and what is left out.</summary>
    public required string Protocol { get; init; }

    /// <summary>The axis from left to right.</summary>
    public required FigureAxis X { get; init; }

    /// <summary>The axis from bottom to top; of categories, from top to bottom.</summary>
    public required FigureAxis Y { get; init; }

    /// <summary>What is drawn, the first one undermost.</summary>
    public required IReadOnlyList<FigureSeries> Series { get; init; }

    /// <summary>The figures for readers who do not see the plot; it may list more than is drawn.</summary>
    public required FigureTable Table { get; init; }

    /// <summary>Height in pixels at which nothing is crowded.</summary>
    public int Height { get; init; } = 420;

    /// <summary>The figure as Plotly reads it, of the media type <c>application/vnd.plotly.v1+json</c>: data, layout, config.</summary>
    public string ToJson() => PlotlyWriter.Write(this);

    /// <summary>The figure as a picture of its own, in light or dark as the viewer is set; the same bytes every time.</summary>
    /// <param name="width">Width in pixels, at least 240.</param>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OptionInvalid</c>: the width leaves no room.</exception>
    public string ToSvg(int width = 800) => SvgFigure.Write(this, width, standalone: true);
}
