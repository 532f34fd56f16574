namespace LowRankTools.Numerics.Engines;

/// <summary>What a tensor's entries are.</summary>
public enum ElementType
{
    /// <summary>32-bit floating point.</summary>
    Float32,

    /// <summary>64-bit floating point, for Gram matrices and small factorizations.</summary>
    Float64,
}

/// <summary>A tensor that lives where its engine computes. Only that engine can work on it; dispose of it when done.</summary>
public interface ITensor : IDisposable
{
    /// <summary>Type of the entries.</summary>
    ElementType ElementType { get; }

    /// <summary>Sizes, first dimension outermost.</summary>
    IReadOnlyList<int> Shape { get; }

    /// <summary>Number of entries.</summary>
    long Length { get; }
}
