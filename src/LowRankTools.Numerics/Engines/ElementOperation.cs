namespace LowRankTools.Numerics.Engines;

/// <summary>Operations on corresponding entries of two tensors of one shape.</summary>
public enum ElementOperation
{
    /// <summary>x + y.</summary>
    Add,

    /// <summary>x - y.</summary>
    Subtract,

    /// <summary>x y.</summary>
    Multiply,

    /// <summary>x / y.</summary>
    Divide,

    /// <summary>The larger of the two; NaN when either is.</summary>
    Maximum,
}
