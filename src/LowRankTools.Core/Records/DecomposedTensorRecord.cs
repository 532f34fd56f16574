using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Records;

/// <summary>One tensor that became factors, whose names are its own and theirs: <c>conv.weight.core0</c>.</summary>
public sealed record DecomposedTensorRecord
{
    /// <summary>Name of the dense tensor.</summary>
    public required string Name { get; init; }

    /// <summary>Name of the method: it knows the factors' names and shapes.</summary>
    public required string Method { get; init; }

    /// <summary>Shape of the dense tensor.</summary>
    public required Dimensions Shape { get; init; }

    /// <summary>The rank or the ranks.</summary>
    public required Dimensions Ranks { get; init; }

    /// <summary>Element type of the dense tensor.</summary>
    public required string DType { get; init; }

    /// <summary>||X - X'|| / ||X||, Frobenius norms, X' made of the factors as stored.</summary>
    public required double RelativeError { get; init; }
}
