namespace LowRankTools.Core.Speed;

/// <summary>One linear layer, dense against a pair and a pivoted pair of one rank, as timed on this machine with random numbers.</summary>
/// <remarks>Times are medians of one call.</remarks>
public sealed record PivotedSpeed
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

    /// <summary>Rank of both pairs.</summary>
    public required int Rank { get; init; }

    /// <summary>Parameters of the matrix.</summary>
    public long ParametersBefore => (long)OutFeatures * InFeatures;

    /// <summary>Parameters of the pair.</summary>
    public long PairParameters => (long)Rank * (OutFeatures + InFeatures);

    /// <summary>Parameters of the pivoted pair, the pivots among them.</summary>
    public required long Parameters { get; init; }

    /// <summary>Times of the dense layer.</summary>
    public required RunTimes Dense { get; init; }

    /// <summary>Times of the pair.</summary>
    public required RunTimes Pair { get; init; }

    /// <summary>Times of the pivoted pair.</summary>
    public required RunTimes Pivoted { get; init; }

    /// <summary>Times the pivoted pair is faster than the dense layer: median over median; below 1 it is slower.</summary>
    public double SpeedUp => Dense.MedianSeconds / Pivoted.MedianSeconds;

    /// <summary>Times the pair is faster than the dense layer.</summary>
    public double PairSpeedUp => Dense.MedianSeconds / Pair.MedianSeconds;

    /// <summary>Times the pivoted pair has fewer operations than the dense layer: what the speed-up would be if both ran at the same rate.</summary>
    public double ArithmeticSpeedUp => (double)DenseFlops / PivotedFlops;

    /// <summary>Floating-point operations of the dense layer, a multiplication and an addition being two.</summary>
    public long DenseFlops => 2L * BatchSize * ParametersBefore;

    /// <summary>Floating-point operations of the pair.</summary>
    public long PairFlops => 2L * BatchSize * PairParameters;

    /// <summary>Floating-point operations of the pivoted pair.</summary>
    public long PivotedFlops => 2L * BatchSize * Rank * (OutFeatures + InFeatures - Rank);

    /// <summary>Engine and device, such as <c>Embedded on cpu</c>.</summary>
    public required string Engine { get; init; }

    /// <summary>Instruction set, or the library that chooses it.</summary>
    public required string InstructionSet { get; init; }

    /// <summary>Threads.</summary>
    public required int ThreadCount { get; init; }

    /// <summary>The layer and the rank.</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Name} as Pivoted at rank {Rank}");
}
