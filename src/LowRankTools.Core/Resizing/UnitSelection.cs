namespace LowRankTools.Core.Resizing;

/// <summary>How the hidden units of a feed-forward part are chosen that stay.</summary>
public enum UnitSelection
{
    /// <summary>One after the other goes the unit whose loss costs the least once the others stand in for it, whatever has gone before; needs the most time.</summary>
    Elimination,

    /// <summary>Those of the largest ridge leverage scores stay, as MoDeGPT has it.</summary>
    Leverage,
}
