using LowRankTools.Core.Output;
using LowRankTools.Formats;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Training;

/// <summary>Everything that <see cref="OptimizeModel"/> can be told.</summary>
public sealed record OptimizeOptions : TrainingSettings
{
    /// <summary>A weight file, or a folder in which the model gets its own; null for a folder beside the source.</summary>
    public string? OutputPath { get; init; }

    /// <summary>Whether everything is trained, and not the pairs alone.</summary>
    public bool TrainAll { get; init; }

    /// <summary>Whether an existing output is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Whether nothing is trained and written.</summary>
    public bool WhatIf { get; init; }

    /// <summary>Where bytes go.</summary>
    internal OutputDisk Disk { get; init; } = OutputDisk.Local;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        OutputCheck.Options(OutputPath, ModelFormat.Safetensors, null, 0);
    }
}
