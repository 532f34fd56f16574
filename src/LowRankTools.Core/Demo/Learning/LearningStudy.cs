using LowRankTools.Networks.Training;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Demo.Learning;

/// <summary>One network of a <see cref="LearningStudy"/>, judged on sequences that nobody was trained on.</summary>
/// <param name="Task">What it was asked.</param>
/// <param name="Method">How it came about.</param>
/// <param name="Parameters">Parameters that it has.</param>
/// <param name="Trained">Share of them that its last training changed; 0 where there was none.</param>
/// <param name="Steps">Steps of its last training.</param>
/// <param name="Loss">Mean of -log(share given to the right token).</param>
/// <param name="Accuracy">Share of tokens that it guesses.</param>
/// <param name="Curve">The losses of its last training; null where there was none.</param>
public sealed record LearningRow(string Task, string Method, long Parameters, double Trained, int Steps, double Loss, double Accuracy, TrainingCurve? Curve);

/// <summary>
/// The roads to a small network, side by side on small tasks whose data it makes itself: dense from scratch, pairs from scratch,
/// factorized after training, fine-tuned or distilled after that, ranks that training finds, and LoRA beside full fine-tuning on a changed task.
/// </summary>
public sealed record LearningStudy
{
    /// <summary>Steps of trainings from scratch.</summary>
    public int Steps { get; init; } = 1500;

    /// <summary>Steps of trainings that begin from a trained network.</summary>
    public int TuningSteps { get; init; } = 300;

    /// <summary>Sequences of a step.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Rank of the pairs that replace linear layers.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>Rank of LoRA.</summary>
    public int LoraRank { get; init; } = 4;

    /// <summary>Penalty of learned ranks: see <see cref="TrainingOptions.RankPenalty"/>.</summary>
    public double RankPenalty { get; init; } = 1e-4;

    /// <summary>Features of a token.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Chooses starts, order and dropout.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Trains and judges all networks.</summary>
    /// <param name="engine">Where everything is computed.</param>
    /// <param name="progress">Told of the steps of each training.</param>
    /// <param name="ct">Stops between steps.</param>
    public IReadOnlyList<LearningRow> Run(INetworkEngine engine, IProgress<OperationProgress>? progress = null, CancellationToken ct = default) =>
    [
        .. new LearningRun(this, engine, new ReversedData(0), new ReversedData(1), progress, ct).Rows(),
        .. new LearningRun(this, engine, new SentenceData(false), new SentenceData(true), progress, ct).Rows(),
    ];
}
