using LowRankTools.Core.Quality;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Plans;

/// <summary>
/// What a plan's ranks are chosen by beyond the sum of the layers' errors: the quality of the whole model at these ranks, measured on
/// a text of its own. Neither the calibration nor the final judgement should know that text.
/// </summary>
public sealed record MeasuredPlanOptions
{
    /// <summary>Trials where nobody says how many.</summary>
    public const int DefaultTrials = 200;

    /// <summary>The inputs.</summary>
    public required InputText Input { get; init; }

    /// <summary>The figure that is made better.</summary>
    public QualityMeasure Measure { get; init; }

    /// <summary>Most runs of the model over the text.</summary>
    public int Trials { get; init; } = DefaultTrials;

    /// <summary>How an encoder's embedding is made; null for what suits it.</summary>
    public Pooling? Pooling { get; init; }

    /// <summary>Sequences that run at once.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Refuses options that mean nothing.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>PathNotFound</c>.</exception>
    internal void Validate()
    {
        Input.Validate();
        if (Trials < 1 || BatchSize < 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Trials and sequences of a batch are at least 1.");
    }
}
