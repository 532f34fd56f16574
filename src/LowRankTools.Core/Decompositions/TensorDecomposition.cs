using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Decompositions;

/// <summary>What was done, or would be done, to one tensor.</summary>
public sealed record TensorDecomposition
{
    /// <summary>Name of the tensor.</summary>
    public required string Name { get; init; }

    /// <summary>Shape of the dense tensor.</summary>
    public required Dimensions Shape { get; init; }

    /// <summary>The rank or the ranks; null where the tensor stays as it is.</summary>
    public Dimensions? Ranks { get; init; }

    /// <summary>Why it stays as it is; None where it does not.</summary>
    public required TensorKeepReason Reason { get; init; }

    /// <summary>Parameters of the dense tensor.</summary>
    public required long ParametersBefore { get; init; }

    /// <summary>Parameters of what stands for it.</summary>
    public required long Parameters { get; init; }

    /// <summary>||X - X'|| / ||X||, Frobenius norms, X' made of the factors as stored; null where the tensor stays as it is.</summary>
    public double? RelativeError { get; init; }

    /// <summary>Sweeps of an iterative method; 0 for a direct one, null where nothing was computed.</summary>
    public int? Iterations { get; init; }

    /// <summary>Whether an iterative method came to rest; null where nothing was computed.</summary>
    public bool? Converged { get; init; }

    /// <summary>Names of the factors in the file.</summary>
    public IReadOnlyList<string> Factors { get; init => field = new ShownList<string>(value); } = new ShownList<string>([]);

    /// <summary>Seconds to read and decompose it; null where nothing was computed.</summary>
    public double? Seconds { get; init; }

    /// <summary>The name: what takes names of layers takes the tensor.</summary>
    public override string ToString() => Name;
}
