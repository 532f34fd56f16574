using LowRankTools.Core.Output;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>Everything that <see cref="MergeAdapter"/> can be told.</summary>
public sealed record MergeAdapterOptions
{
    /// <summary>Where the model goes, <see cref="OutputLocation"/>; null for a folder beside the base model.</summary>
    public string? OutputPath { get; init; }

    /// <summary>Format to write: Safetensors, PyTorch, or Gguf for base models that are in it; null for what the output's name asks for, Gguf where the base is in it, and Safetensors elsewhere.</summary>
    public ModelFormat? Format { get; init; }

    /// <summary>Element type of the weights that change; null for their own.</summary>
    public TensorDType? DType { get; init; }

    /// <summary>Strength of the adapter: 1 as it was trained, -1 to take it out again.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>Numerator of the scale for adapters that do not say theirs.</summary>
    public double? Alpha { get; init; }

    /// <summary>Most bytes of tensor data a file; zero for one file.</summary>
    public long MaxShardBytes { get; init; }

    /// <summary>Whether existing output is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Whether nothing is written.</summary>
    public bool WhatIf { get; init; }

    /// <summary>Where bytes go.</summary>
    internal OutputDisk Disk { get; init; } = OutputDisk.Local;

    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>OutputFormatNotWritten</c>.</exception>
    public void Validate()
    {
        if ((Format ?? (OutputPath is null ? null : OutputLocation.FormatOf(OutputPath))) is { } format && format.IsGraph())
            throw new LowRankToolsException(CoreErrors.OutputFormatNotWritten, "Adapters are not merged into graphs.", "Write Safetensors or PyTorch.");
        if (!double.IsFinite(Weight) || Weight == 0)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A weight of {Weight} merges nothing.", "Give -Weight a number other than zero.");
        OutputCheck.Options(OutputPath, Format, DType, MaxShardBytes);
    }
}
