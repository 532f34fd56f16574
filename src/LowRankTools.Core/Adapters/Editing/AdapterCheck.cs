using LowRankTools.Core.Adapters.Keys;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>Whether an adapter can be merged into a base model, from headers alone.</summary>
public sealed record AdapterCheck
{
    /// <summary>Full path of the adapter's weights: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Full path of the base model.</summary>
    public required string Base { get; init; }

    /// <summary>Name of the adapter.</summary>
    public required string Name { get; init; }

    /// <summary>How the adapter names its tensors.</summary>
    public required AdapterLayout Layout { get; init; }

    /// <summary>Whether nothing stands in the way.</summary>
    public bool Fits => Problems.Count == 0;

    /// <summary>Modules of the adapter.</summary>
    public required int Modules { get; init; }

    /// <summary>Modules that fit a weight of the base model.</summary>
    public required int FittingModules { get; init; }

    /// <summary>Smallest rank of a module.</summary>
    public required int LeastRank { get; init; }

    /// <summary>Largest rank of a module.</summary>
    public required int MostRank { get; init; }

    /// <summary>Parameters of the factors.</summary>
    public required long Parameters { get; init; }

    /// <summary>Bytes of tensor data that the merged model would have, every weight of its own type.</summary>
    public required long MergedBytes { get; init; }

    /// <summary>Bytes that are free where the merged model would go; null where the disk does not tell.</summary>
    public long? FreeBytes { get; init; }

    /// <summary>Everything that stands in the way.</summary>
    public required IReadOnlyList<AdapterMisfit> Problems { get; init => field = new ShownList<AdapterMisfit>(value); }

    /// <summary>The path: what takes adapters takes this.</summary>
    public override string ToString() => Path;
}
