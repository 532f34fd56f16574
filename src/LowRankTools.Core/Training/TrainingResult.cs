using LowRankTools.Networks.Training;

namespace LowRankTools.Core.Training;

/// <summary>What became of a training on a text.</summary>
public abstract record TrainingResult
{
    /// <summary>Full path of the weights: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Full path of the model that was trained.</summary>
    public required string Source { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>Whether anything was written.</summary>
    public required bool Written { get; init; }

    /// <summary>What the model was brought nearer to.</summary>
    public required string Goal { get; init; }

    /// <summary>Full path of the text or token file.</summary>
    public required string Text { get; init; }

    /// <summary>Lines that were trained on.</summary>
    public required int Lines { get; init; }

    /// <summary>Lines that were not.</summary>
    public required int HeldOutLines { get; init; }

    /// <summary>Parameters of the network that was trained, frozen ones too.</summary>
    public required long Parameters { get; init; }

    /// <summary>Parameters that were trained.</summary>
    public required long TrainedParameters { get; init; }

    /// <summary>Steps of the whole training.</summary>
    public required int Steps { get; init; }

    /// <summary>The step that this run went on from; 0 where it began anew.</summary>
    public int ResumedAt { get; init; }

    /// <summary>Mean loss of the held-out lines before the training's first step; null without them or under WhatIf.</summary>
    public double? LossBefore { get; init; }

    /// <summary>The same after the last step.</summary>
    public double? LossAfter { get; init; }

    /// <summary>The losses, step by step: what Plot draws.</summary>
    public IReadOnlyList<LossPoint> Curve { get; init; } = [];

    /// <summary>Files that gave way, or would.</summary>
    public IReadOnlyList<string> Displaced { get; init; } = [];

    /// <summary>What the user should know; empty where there is nothing to say.</summary>
    public string Note { get; init; } = "";

    /// <summary>Wall-clock time of this run; null under WhatIf.</summary>
    public double? Seconds { get; init; }
}
