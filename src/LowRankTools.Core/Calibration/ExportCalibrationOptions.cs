using LowRankTools.Core.Calibration.Collecting;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Calibration;

/// <summary>Everything that <see cref="ExportCalibration"/> can be told.</summary>
public sealed record ExportCalibrationOptions
{
    /// <summary>The inputs.</summary>
    public required InputText Input { get; init; }

    /// <summary>The file to write, .safetensors; null for one called after the model, beside it or, where the model is its folder, beside that.</summary>
    public string? OutputPath { get; init; }

    /// <summary>Share of the lines that nothing will be fitted on; 0 for none.</summary>
    public double HeldOut { get; init; } = 0.1;

    /// <summary>What the gradients at the outputs are those of.</summary>
    public GradientSource Gradients { get; init; }

    /// <summary>Whether the loss's gradients at the weights are collected too, for plans by <see cref="Weighting.FirstOrder"/>; of models that predict tokens.</summary>
    public bool WeightGradients { get; init; }

    /// <summary>
    /// A plan whose layers are compressed one after the other while inputs are collected, so that each is known with what it will be fed then; null for
    /// the inputs of the model as it is. No gradients are collected with one.
    /// </summary>
    public RankPlan? Plan { get; init; }

    /// <summary>How an encoder's embedding is made; null for what suits it.</summary>
    public Pooling? Pooling { get; init; }

    /// <summary>Sequences that run at once.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Chooses the held-out lines and the signs of projections.</summary>
    public ulong Seed { get; init; }

    /// <summary>File to save the sums in while they grow; where it exists, the collection goes on from it. It is gone when the calibration is written. Null for none.</summary>
    public string? CheckpointPath { get; init; }

    /// <summary>Batches from one saving to the next.</summary>
    public int CheckpointEvery { get; init; } = 50;

    /// <summary>Engine and device.</summary>
    public EngineChoice Engine { get; init; } = new();

    /// <summary>Threads; zero for every core.</summary>
    public int ThreadCount { get; init; }

    /// <summary>Whether an existing file is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Whether nothing is run and written; the text is read all the same.</summary>
    public bool WhatIf { get; init; }

    /// <summary>Refuses options that mean nothing.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>PathNotFound</c>.</exception>
    public void Validate()
    {
        Input.Validate();
        if (!(HeldOut is >= 0 and < 1) || BatchSize < 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A held-out share is at least 0 and below 1, a batch at least 1.");
        if (Plan is not null && (WeightGradients || Gradients is not (GradientSource.Auto or GradientSource.None)))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "With a plan, inputs alone are collected.", "Leave the gradients out, or the plan.");
        if (CheckpointEvery < 1 || CheckpointPath is not null && Plan is not null)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A checkpoint is saved every batch at most, and not of a collection with a plan.", "Leave -CheckpointPath out, or the plan.");
        if (CheckpointPath is { } saved && OutputPath is { } written && System.IO.Path.GetFullPath(saved) == System.IO.Path.GetFullPath(written))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{saved}: the checkpoint and the calibration cannot be one file.", "Name another -CheckpointPath.");
        if (OutputPath is { } path && !path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{path}: a calibration is a .safetensors file.", "Name such a file as -OutputPath.");
    }
}
