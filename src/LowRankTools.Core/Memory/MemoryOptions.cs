using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Memory;

/// <summary>What memory is estimated for.</summary>
public sealed record MemoryOptions
{
    /// <summary>Lengths of contexts in tokens; empty for the longest that the model was made for.</summary>
    public IReadOnlyList<int> ContextLengths { get; init; } = [];

    /// <summary>Sequences at a time, each with a cache of its own.</summary>
    public int BatchSize { get; init; } = 1;

    /// <summary>Type of keys and values in the cache.</summary>
    public TensorDType CacheDType { get; init; } = TensorDType.F16;

    /// <summary>Type that the weights are held in; null for as they are stored.</summary>
    public TensorDType? WeightDType { get; init; }

    /// <summary>Types that caches and weights can be held in.</summary>
    public static IReadOnlyList<TensorDType> DTypes { get; } = [TensorDType.F32, TensorDType.F16, TensorDType.BF16, TensorDType.F8_E4M3, TensorDType.Q8_0, TensorDType.Q4_0];

    /// <summary>Refuses what makes no sense.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public void Validate()
    {
        if (BatchSize < 1 || ContextLengths.Any(l => l < 1))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Lengths of contexts and batches are at least 1.");
        if (!DTypes.Contains(CacheDType) || WeightDType is { } weights && !DTypes.Contains(weights))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"Memory is estimated for the types {string.Join(", ", DTypes)}.");
    }
}
