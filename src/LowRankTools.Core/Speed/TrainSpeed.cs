using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Speed;

/// <summary>One linear layer, dense against a TT-matrix, as timed on this machine with random numbers.</summary>
/// <remarks>Times are medians of one call.</remarks>
public sealed record TrainSpeed
{
    /// <summary>Name of the layer, the first one where several have the shape; the shape itself where there is no layer.</summary>
    public required string Name { get; init; }

    /// <summary>Full path of the layer's model; null where there is none.</summary>
    public string? Path { get; init; }

    /// <summary>Layers that have this shape.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>outputs x inputs.</summary>
    public required Dimensions Shape { get; init; }

    /// <summary>Tokens that the layer was called with.</summary>
    public required int BatchSize { get; init; }

    /// <summary>The method, with the modes that were given.</summary>
    public required string Method { get; init; }

    /// <summary>Ranks of the bonds between cores.</summary>
    public required Dimensions Ranks { get; init; }

    /// <summary>Parameters of the matrix.</summary>
    public required long ParametersBefore { get; init; }

    /// <summary>Parameters of the cores.</summary>
    public required long Parameters { get; init; }

    /// <summary>Times of the dense layer.</summary>
    public required RunTimes Dense { get; init; }

    /// <summary>Times of the cores.</summary>
    public required RunTimes Train { get; init; }

    /// <summary>Times the cores are faster: median over median; below 1 they are slower.</summary>
    public double SpeedUp => Dense.MedianSeconds / Train.MedianSeconds;

    /// <summary>Floating-point operations of the dense layer, a multiplication and an addition being two.</summary>
    public required long DenseFlops { get; init; }

    /// <summary>Floating-point operations of the cores in the order that was taken.</summary>
    public required long TrainFlops { get; init; }

    /// <summary>Times the cores have fewer operations: what the speed-up would be if both ran at the same rate.</summary>
    public double ArithmeticSpeedUp => (double)DenseFlops / TrainFlops;

    /// <summary>The order of multiplication, chosen by cost: <c>(1 2)(3 4), right to left</c>, or <c>rebuilt</c> where the matrix is multiplied out first.</summary>
    public required string Order { get; init; }

    /// <summary>Engine and device, such as <c>Embedded on cpu</c>.</summary>
    public required string Engine { get; init; }

    /// <summary>Instruction set, or the library that chooses it.</summary>
    public required string InstructionSet { get; init; }

    /// <summary>Threads.</summary>
    public required int ThreadCount { get; init; }

    /// <summary>The layer and what stands for it.</summary>
    public override string ToString() => $"{Name} as {Method} {Ranks}";
}
