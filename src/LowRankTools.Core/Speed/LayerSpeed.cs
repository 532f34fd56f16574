using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Speed;

/// <summary>One layer, dense against a pair of one rank, as timed on this machine.</summary>
/// <remarks>Times are medians for the whole batch; each layer is called over and over, so weights that fit into a cache stay there.</remarks>
public sealed record LayerSpeed
{
    /// <summary>Name of the layer, the first one where several have the shape; the shape itself where there is no layer.</summary>
    public required string Name { get; init; }

    /// <summary>Full path of the layer's model; null where there is none.</summary>
    public string? Path { get; init; }

    /// <summary>Layers that have this shape.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>Outputs of the layer.</summary>
    public required int OutFeatures { get; init; }

    /// <summary>Inputs of the layer.</summary>
    public required int InFeatures { get; init; }

    /// <summary>Tokens that the layer was called with.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Rank of the pair.</summary>
    public required int Rank { get; init; }

    /// <summary>Times of the dense layer, y = x W^T.</summary>
    public required RunTimes Dense { get; init; }

    /// <summary>Times of the pair, y = (x A^T) B^T.</summary>
    public required RunTimes Pair { get; init; }

    /// <summary>Times the pair is faster: median over median.</summary>
    public double SpeedUp => Dense.MedianSeconds / Pair.MedianSeconds;

    /// <summary>Times the pair has fewer operations: what the speed-up would be if both ran at the same rate.</summary>
    public double ArithmeticSpeedUp => (double)DenseWork.Flops / PairWork.Flops;

    /// <summary>Work of the dense layer for the batch.</summary>
    public LayerWork DenseWork => LayerWork.Dense(new MatrixShape(OutFeatures, InFeatures), BatchSize);

    /// <summary>Work of the pair for the batch.</summary>
    public LayerWork PairWork => LayerWork.Pair(new MatrixShape(OutFeatures, InFeatures), Rank, BatchSize);

    /// <summary>Billions of floating-point operations a second of the dense layer.</summary>
    public double DenseGigaflops => DenseWork.Flops / Dense.MedianSeconds / 1e9;

    /// <summary>Billions of floating-point operations a second of the pair.</summary>
    public double PairGigaflops => PairWork.Flops / Pair.MedianSeconds / 1e9;

    /// <summary>Largest rank at which a pair has fewer operations than the layer.</summary>
    public int BreakEvenRank => new MatrixShape(OutFeatures, InFeatures).BreakEvenRank;

    /// <summary>Largest rank at which a pair was faster than the layer, 0 where none was; null where it was not searched.</summary>
    public int? MeasuredBreakEvenRank { get; init; }

    /// <summary>Engine and device, such as <c>Embedded on cpu</c>.</summary>
    public required string Engine { get; init; }

    /// <summary>Instruction set, or the library that chooses it.</summary>
    public required string InstructionSet { get; init; }

    /// <summary>Threads.</summary>
    public required int ThreadCount { get; init; }

    /// <summary>The layer and the rank.</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Name} at rank {Rank}");
}
