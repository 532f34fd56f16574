using LowRankTools.Networks.Layers;
using LowRankTools.Numerics;

namespace LowRankTools.Networks.Training;

/// <summary>Everything that a training can be told.</summary>
/// <param name="Steps">Steps of the optimizer.</param>
/// <param name="BatchSize">Examples that run through the network at once.</param>
public sealed record TrainingOptions(int Steps, int BatchSize)
{
    /// <summary>Batches whose gradients are added up for one step: memory of one batch, and the step of a large one.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>Bound of the gradient's norm; null for none.</summary>
    public double? ClipNorm { get; init; } = 1;

    /// <summary>The learning rate over the steps.</summary>
    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Constant;

    /// <summary>Chooses the order of the examples and what dropout drops.</summary>
    public ulong Seed { get; init; }

    /// <summary>Steps from one validation to the next; 0 for none.</summary>
    public int ValidateEvery { get; init; }

    /// <summary>
    /// By how much each step brings the factors of <see cref="LearnedRankLinear"/>s nearer to zero, for each parameter of their direction
    /// and times the factor of the learning rate: an L1 penalty; 0 for none.
    /// </summary>
    public double RankPenalty { get; init; }

    internal string Text => FormattableString.Invariant(
        $"steps={Steps}, batch={BatchSize}, accumulation={Accumulation}, clip={ClipNorm:R}, warmup={Schedule.Warmup}, cosine={Schedule.Cosine}, floor={Schedule.Floor:R}, seed={Seed}, validation={ValidateEvery}, ranks={RankPenalty:R}");

    internal void Check()
    {
        if (Steps < 0 || BatchSize < 1 || Accumulation < 1 || ValidateEvery < 0 || !(RankPenalty >= 0) || !(ClipNorm is null or > 0) || Schedule.Warmup < 0)
            throw new LowRankToolsException("TrainingOptionsInvalid", $"These options make no training: {Text}.", "Use positive sizes, and a positive bound or none.");
    }
}
