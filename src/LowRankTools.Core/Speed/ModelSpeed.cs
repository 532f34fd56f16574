namespace LowRankTools.Core.Speed;

/// <summary>One model's forward run, as timed on this machine on made-up input.</summary>
public sealed record ModelSpeed
{
    /// <summary>Full path of the model: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>Architecture, as <c>model_type</c> in a <c>config.json</c> names it.</summary>
    public required string Architecture { get; init; }

    /// <summary>Rank that the model's linear layers were brought to in memory; null where it ran as its file has it.</summary>
    public int? Rank { get; init; }

    /// <summary>Layers that are pairs.</summary>
    public required int Pairs { get; init; }

    /// <summary>Parameters, tied ones once.</summary>
    public required long Parameters { get; init; }

    /// <summary>Sequences, pairs of sequences or images of one run.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Tokens of one run, all sequences together; both sides of an encoder-decoder count, and patches are tokens.</summary>
    public required int Tokens { get; init; }

    /// <summary>Times of a forward run.</summary>
    public required RunTimes Times { get; init; }

    /// <summary>Tokens over the median.</summary>
    public double TokensPerSecond => Tokens / Times.MedianSeconds;

    /// <summary>Times this model is faster than the first of those that took turns, median over median; null for the first.</summary>
    public double? SpeedUp { get; init; }

    /// <summary>Operations of a run's products and attention, and bytes of their operands and results, counted as it ran.</summary>
    public required LayerWork Work { get; init; }

    /// <summary>Billions of floating-point operations a second.</summary>
    public double Gigaflops => Work.Flops / Times.MedianSeconds / 1e9;

    /// <summary>Bytes of the parameters in memory, float32.</summary>
    public required long ParameterBytes { get; init; }

    /// <summary>Most bytes that a run held beside the parameters: activations and packing buffers; null where another engine than the embedded one ran, which keeps its own books.</summary>
    public required long? ForwardBytes { get; init; }

    /// <summary>Parameters and what a run held beside them, at the most; null where that is not known.</summary>
    public long? PeakBytes => ParameterBytes + ForwardBytes;

    /// <summary>Engine and device.</summary>
    public required string Engine { get; init; }

    /// <summary>Instruction set, or the library that chooses it.</summary>
    public required string InstructionSet { get; init; }

    /// <summary>Threads.</summary>
    public required int ThreadCount { get; init; }

    /// <summary>The path: what takes models takes this.</summary>
    public override string ToString() => Path;
}
