namespace LowRankTools.Core.Figures;

/// <summary>How the ticks of an axis are written.</summary>
public enum AxisFormat
{
    /// <summary>As they are: 0.25.</summary>
    Number,
    /// <summary>In thousands and millions: 1.5M.</summary>
    Count,
    /// <summary>Shares of one in percent: 25 %.</summary>
    Percent,
}
