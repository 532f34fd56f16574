namespace LowRankTools.Core.Calibration;

/// <summary>A calibration file that was made from a running model and a text.</summary>
public sealed record CalibrationResult
{
    /// <summary>Full path of the file.</summary>
    public required string Path { get; init; }

    /// <summary>Full path of the model.</summary>
    public required string Source { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>Whether it was written.</summary>
    public required bool Written { get; init; }

    /// <summary>Full path of the text or token file.</summary>
    public required string Text { get; init; }

    /// <summary>Lines that layers will be fitted on.</summary>
    public required int Lines { get; init; }

    /// <summary>Their tokens.</summary>
    public required long Tokens { get; init; }

    /// <summary>Lines that nothing will be fitted on.</summary>
    public required int HeldOutLines { get; init; }

    /// <summary>Their tokens.</summary>
    public required long HeldOutTokens { get; init; }

    /// <summary>What the gradients are those of: NextToken, Projection or None.</summary>
    public required string Gradients { get; init; }

    /// <summary>Whether the layers of a plan were compressed one after the other, and each one's inputs collected behind the compressed ones.</summary>
    public bool Sequential { get; init; }

    /// <summary>Batches that a checkpoint had done already; zero where there was none.</summary>
    public int ResumedAt { get; init; }

    /// <summary>Layers that the file knows; null before it is written.</summary>
    public int? Layers { get; init; }

    /// <summary>Layers that gradients did not come to: leave them out of a plan that is made with the file.</summary>
    public IReadOnlyList<string> WithoutGradients { get; init; } = [];

    /// <summary>Wall-clock time, loading and writing included; null before it is written.</summary>
    public double? Seconds { get; init; }
}
