using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Tokens;
using LowRankTools.Core.Training;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Compression;

/// <summary>Everything that <see cref="CompressModel"/> can be told.</summary>
public sealed record CompressOptions
{
    /// <summary>The text: a part of its lines calibrates and trains, the others judge.</summary>
    public required InputText Input { get; init; }

    /// <summary>Share of their parameters that the chosen layers keep together, between 0 and 1.</summary>
    public required double KeepRatio { get; init; }

    /// <summary>Which layers are chosen; all linear ones by default.</summary>
    public LayerSelection Selection { get; init; } = new();

    /// <summary>What the chosen layers become: pairs, <see cref="FactorMethod.Svd"/>, or <see cref="FactorMethod.Pivoted"/> pairs; calibrations know no others.</summary>
    public FactorMethod Method { get; init; }

    /// <summary>Whether the layers are calibrated once more by the plan's ranks, one after the other, on what compressed ones before them make: nearer to the original, for two more runs over the text a group of layers.</summary>
    public bool Sequential { get; init; }

    /// <summary>A folder in which the model gets a folder of its own; null for the folder of the source.</summary>
    public string? OutputPath { get; init; }

    /// <summary>Share of the lines by which the result is judged, and on which nothing else is done.</summary>
    public double JudgeShare { get; init; } = 0.1;

    /// <summary>Most lines on which the model is run to exchange ranks between its layers, a tenth of what does not judge at most; nothing is fitted on them.</summary>
    public int SelectionLines { get; init; } = 500;

    /// <summary>Most runs over those lines; 0 leaves the ranks to the sum of the layers' errors.</summary>
    public int Trials { get; init; } = MeasuredPlanOptions.DefaultTrials;

    /// <summary>What is made better by exchanging ranks.</summary>
    public QualityMeasure Measure { get; init; }

    /// <summary>Steps of training after the factorization; 0 for none.</summary>
    public int Steps { get; init; }

    /// <summary>Largest learning rate of the training.</summary>
    public double LearningRate { get; init; } = 3e-4;

    /// <summary>How an encoder's embedding is made; null for what suits it.</summary>
    public Pooling? Pooling { get; init; }

    /// <summary>Sequences that run at once in calibration, trials and judgement; a step of training sees as many as <see cref="OptimizeOptions"/> says.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Chooses lines, signs and orders.</summary>
    public ulong Seed { get; init; }

    /// <summary>Engine and device.</summary>
    public EngineChoice Engine { get; init; } = new();

    /// <summary>Threads; zero for every core.</summary>
    public int ThreadCount { get; init; }

    /// <summary>Whether existing output is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Refuses options that mean nothing.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>PathNotFound</c>.</exception>
    public void Validate()
    {
        Input.Validate();
        if (!(KeepRatio is > 0 and < 1) || !(JudgeShare is > 0 and < 1) || Steps < 0 || Trials < 0 || SelectionLines < 1 || BatchSize < 1 || !(LearningRate > 0) || !double.IsFinite(LearningRate))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A kept share and a share to judge by lie between 0 and 1, steps and trials are not negative, a batch and the lines to select by at least 1, a rate positive.");
        if (Method is not (FactorMethod.Svd or FactorMethod.Pivoted))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"Ranks are planned by a calibration, which knows pairs, and {Method} makes none.", "Choose Svd or Pivoted as -Method, or take the single steps: New-RankPlan -Method plans without a calibration.");
        if (OutputPath is { } path && OutputLocation.IsFile(path))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{path}: several files are written.", "Name a folder as -OutputPath.");
    }
}
