namespace LowRankTools.Numerics.Threading;

/// <summary>What a computation may use. Results are the same bits for every thread count.</summary>
public sealed record ComputeOptions
{
    /// <summary>All defaults: every core, seed 0.</summary>
    public static ComputeOptions Default { get; } = new();

    /// <summary>Threads to use; 0 means the environment variable LOWRANK_THREADS, or else every core.</summary>
    public int ThreadCount { get; init; }

    /// <summary>Seed of everything random.</summary>
    public ulong Seed { get; init; }

    /// <summary>What counts the work; null for nobody.</summary>
    public WorkCounter? Counter { get; init; }
}
