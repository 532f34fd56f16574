using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Speed;

/// <summary>One convolution, dense against a chain of smaller ones, as timed on this machine with random numbers.</summary>
/// <remarks>Stride 1, and as many zeros around an image as keep its size where the kernel is odd. Times are medians of one call.</remarks>
public sealed record ConvolutionSpeed
{
    /// <summary>Name of the layer, the first one where several have the shape; the shape itself where there is no layer.</summary>
    public required string Name { get; init; }

    /// <summary>Full path of the layer's model; null where there is none.</summary>
    public string? Path { get; init; }

    /// <summary>Layers that have this shape.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>outputs x channels x height x width of the kernel.</summary>
    public required Dimensions Shape { get; init; }

    /// <summary>Lines x pixels of an image.</summary>
    public required Dimensions ImageSize { get; init; }

    /// <summary>Images that the layer was called with.</summary>
    public required int BatchSize { get; init; }

    /// <summary>What chain.</summary>
    public required string Method { get; init; }

    /// <summary>Its ranks.</summary>
    public required Dimensions Ranks { get; init; }

    /// <summary>Parameters of the kernel.</summary>
    public required long ParametersBefore { get; init; }

    /// <summary>Parameters of the chain.</summary>
    public required long Parameters { get; init; }

    /// <summary>Times of the one convolution.</summary>
    public required RunTimes Dense { get; init; }

    /// <summary>Times of the chain.</summary>
    public required RunTimes Chain { get; init; }

    /// <summary>Times the chain is faster: median over median; below 1 it is slower.</summary>
    public double SpeedUp => Dense.MedianSeconds / Chain.MedianSeconds;

    /// <summary>Floating-point operations of the convolution, a multiplication and an addition being two.</summary>
    public required long DenseFlops { get; init; }

    /// <summary>Floating-point operations of the chain.</summary>
    public required long ChainFlops { get; init; }

    /// <summary>Times the chain has fewer operations: what the speed-up would be if both ran at the same rate.</summary>
    public double ArithmeticSpeedUp => (double)DenseFlops / ChainFlops;

    /// <summary>Engine and device, such as <c>Embedded on cpu</c>.</summary>
    public required string Engine { get; init; }

    /// <summary>Instruction set, or the library that chooses it.</summary>
    public required string InstructionSet { get; init; }

    /// <summary>Threads.</summary>
    public required int ThreadCount { get; init; }

    /// <summary>The layer and what stands for it.</summary>
    public override string ToString() => $"{Name} as {Method} {Ranks}";
}
