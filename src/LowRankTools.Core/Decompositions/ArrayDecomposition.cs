using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Decompositions;

/// <summary>An array that was decomposed: what its method found, in memory.</summary>
public sealed record ArrayDecomposition
{
    /// <summary>Name of the method.</summary>
    public required string Method { get; init; }

    /// <summary>The method and what it was asked for.</summary>
    public required string Rule { get; init; }

    /// <summary>Shape of the array.</summary>
    public required Dimensions Shape { get; init; }

    /// <summary>The rank or the ranks.</summary>
    public required Dimensions Ranks { get; init; }

    /// <summary>Entries of the array.</summary>
    public required long ParametersBefore { get; init; }

    /// <summary>Entries of all factors.</summary>
    public required long Parameters { get; init; }

    /// <summary>||X - X'|| / ||X||, Frobenius norms.</summary>
    public required double RelativeError { get; init; }

    /// <summary>Sweeps of an iterative method; 0 for a direct one.</summary>
    public required int Iterations { get; init; }

    /// <summary>Whether an iterative method came to rest; true for a direct one.</summary>
    public required bool Converged { get; init; }

    /// <summary>The factors by their names, as arrays of double.</summary>
    public required IReadOnlyDictionary<string, Array> Factors { get; init; }

    /// <summary>X', the array that the factors stand for.</summary>
    public required Array Dense { get; init; }

    /// <summary>Seconds to decompose it.</summary>
    public required double Seconds { get; init; }
}
