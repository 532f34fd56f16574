using LowRankTools.Core.Engines;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Training;

/// <summary>What every training on a text can be told, whatever of a network it changes.</summary>
public abstract record TrainingSettings
{
    /// <summary>Sequences of a step where nobody says how many.</summary>
    public const int DefaultBatchSize = 64;

    /// <summary>The inputs.</summary>
    public required InputText Input { get; init; }

    /// <summary>The right class of each line of the text, for classifiers: a file with one a line; null for none.</summary>
    public string? LabelPath { get; init; }

    /// <summary>Steps of the optimizer.</summary>
    public int Steps { get; init; } = 500;

    /// <summary>Largest learning rate of Adam; it rises over the first twentieth of the steps and falls along half a cosine.</summary>
    public double LearningRate { get; init; } = 3e-4;

    /// <summary>Sequences of a step; they run in groups of like length, so that memory does not grow with them.</summary>
    public int BatchSize { get; init; } = DefaultBatchSize;

    /// <summary>What the model is brought nearer to.</summary>
    public DistillationGoal Goal { get; init; }

    /// <summary>T of the goal Scores.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>How an encoder's embedding is made; null for what suits it.</summary>
    public Pooling? Pooling { get; init; }

    /// <summary>Share of the lines that are not trained on; 0 for none.</summary>
    public double HeldOut { get; init; } = 0.1;

    /// <summary>Chooses the held-out lines and the order of the others.</summary>
    public ulong Seed { get; init; }

    /// <summary>File to save the training in, to go on from where it exists; null for none.</summary>
    public string? CheckpointPath { get; init; }

    /// <summary>Steps from one saving to the next; a run that is cancelled saves too.</summary>
    public int CheckpointEvery { get; init; } = 100;

    /// <summary>Engine and device.</summary>
    public EngineChoice Engine { get; init; } = new();

    /// <summary>Threads; zero for every core.</summary>
    public int ThreadCount { get; init; }

    /// <summary>Refuses options that mean nothing.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>PathNotFound</c>.</exception>
    public virtual void Validate()
    {
        Input.Validate();
        if (Steps < 1 || BatchSize < 1 || CheckpointEvery < 1 || !(LearningRate > 0) || !double.IsFinite(LearningRate) || !(Temperature > 0) || !double.IsFinite(Temperature) || !(HeldOut is >= 0 and < 1))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Steps, batches and savings are at least 1, a rate and a temperature positive, a held-out share at least 0 and below 1.");
        if (LabelPath is { } labels && !File.Exists(labels))
            throw new LowRankToolsException(CoreErrors.PathNotFound, $"There is no file '{labels}'.");
        if (!(LabelPath is null ? Goal != DistillationGoal.Labels : Goal is DistillationGoal.Auto or DistillationGoal.Labels))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "The goal Labels and a file of labels go together.", "Give both, or -LabelPath alone, or neither.");
    }

    /// <summary>The training's own options.</summary>
    internal TrainingOptions Training => new(Steps, BatchSize) { Seed = Seed, ClipNorm = 1, Schedule = new LearningRateSchedule(Math.Max(1, Steps / 20), Cosine: true, Floor: 0.05) };

    /// <summary>What was asked for, or what suits a network.</summary>
    /// <param name="config">The network.</param>
    /// <param name="hasOriginal">Whether there is an original to come nearer to.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: the network does not predict tokens, or there is no original.</exception>
    internal DistillationGoal GoalFor(TransformerConfig config, bool hasOriginal = true)
    {
        if (Goal is DistillationGoal.Scores or DistillationGoal.NextToken && !config.PredictsNextToken)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"The network ({config.ModelType}) predicts no next token.", "Use the goal States, Embedding or both.");
        DistillationGoal goal = Goal != DistillationGoal.Auto ? Goal : LabelPath is not null ? DistillationGoal.Labels
            : !config.PredictsNextToken ? DistillationGoal.StatesAndEmbedding : hasOriginal ? DistillationGoal.Scores : DistillationGoal.NextToken;
        return hasOriginal || goal is DistillationGoal.Labels or DistillationGoal.NextToken ? goal
            : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"The goal {goal} is an original's answer, and none was named.", "Name it with -ReferencePath; language models learn from the text alone, classifiers from -LabelPath.");
    }
}
