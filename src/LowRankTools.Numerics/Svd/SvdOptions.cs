using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Svd;

/// <summary>How accurate a truncated SVD has to be.</summary>
public enum SvdAccuracy
{
    /// <summary>Error at most 1.002 of the optimum: enough for compression, by far the fastest.</summary>
    Compression,

    /// <summary>Error ratio to the optimum at most 1 + 1e-6.</summary>
    Exact,
}

/// <summary>Options of the singular value decompositions; every number has an automatic default.</summary>
public sealed record SvdOptions
{
    /// <summary>All defaults.</summary>
    public static SvdOptions Default { get; } = new();

    /// <summary>Threads to use; 0 means the environment variable LOWRANK_THREADS, or else every core.</summary>
    public int ThreadCount { get; init; }

    /// <summary>Seed of the random start; the same seed gives the same bits.</summary>
    public ulong Seed { get; init; }

    /// <summary>How close to the best possible error the result must be.</summary>
    public SvdAccuracy Accuracy { get; init; }

    /// <summary>Columns of the iterated block, which also asks for the iterating route; null chooses by the wanted rank.</summary>
    public int? BlockSize { get; init; }

    /// <summary>Columns that the search space holds beyond the wanted rank; null chooses by the wanted rank.</summary>
    public int? Oversampling { get; init; }

    /// <summary>Smaller side up to which the dense routes are always taken.</summary>
    public int DenseThreshold { get; init; } = 96;

    internal ComputeOptions Compute => new() { ThreadCount = ThreadCount, Seed = Seed };
}
