using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Speed;

/// <summary>A layer over activations of several modes, flattened before a dense layer against factored, as timed on this machine with random numbers.</summary>
/// <remarks>Times are medians of one call.</remarks>
public sealed record ContractionSpeed
{
    /// <summary>The modes of both sides: <c>64 x 7 x 7 to 10</c>.</summary>
    public string Name => $"{InputShape} to {OutputShape}";

    /// <summary>Modes of what goes in.</summary>
    public required Dimensions InputShape { get; init; }

    /// <summary>Modes of what comes out.</summary>
    public required Dimensions OutputShape { get; init; }

    /// <summary>Activations that the layer was called with.</summary>
    public required int BatchSize { get; init; }

    /// <summary>What stands for the dense layer.</summary>
    public required ContractionMethod Method { get; init; }

    /// <summary>Ranks of the weight: one of CP, one a mode of Tucker, one a bond of a tensor train; null of a contraction, which has none.</summary>
    public Dimensions? Ranks { get; init; }

    /// <summary>Parameters of the dense layer's matrix.</summary>
    public required long ParametersBefore { get; init; }

    /// <summary>Parameters of the factors.</summary>
    public required long Parameters { get; init; }

    /// <summary>Times of the dense layer.</summary>
    public required RunTimes Dense { get; init; }

    /// <summary>Times of the factors.</summary>
    public required RunTimes Factored { get; init; }

    /// <summary>Times the factors are faster: median over median; below 1 they are slower.</summary>
    public double SpeedUp => Dense.MedianSeconds / Factored.MedianSeconds;

    /// <summary>Floating-point operations of the dense layer, a multiplication and an addition being two.</summary>
    public required long DenseFlops { get; init; }

    /// <summary>Floating-point operations of the factors in the cheapest order, which may be to multiply the matrix out.</summary>
    public required long FactoredFlops { get; init; }

    /// <summary>Times the factors have fewer operations: what the speed-up would be if both ran at the same rate.</summary>
    public double ArithmeticSpeedUp => (double)DenseFlops / FactoredFlops;

    /// <summary>Engine and device, such as <c>Embedded on cpu</c>.</summary>
    public required string Engine { get; init; }

    /// <summary>Instruction set, or the library that chooses it.</summary>
    public required string InstructionSet { get; init; }

    /// <summary>Threads.</summary>
    public required int ThreadCount { get; init; }

    /// <summary>The layer and what stands for it.</summary>
    public override string ToString() => Ranks is null ? $"{Name} as {Method}" : $"{Name} as {Method} {Ranks}";
}
