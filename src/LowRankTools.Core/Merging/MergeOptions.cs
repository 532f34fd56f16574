using LowRankTools.Core.Output;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Merging;

/// <summary>Everything that <see cref="MergeModel"/> can be told.</summary>
public sealed record MergeOptions
{
    /// <summary>Where the model goes, <see cref="OutputLocation"/>; null for a folder beside the source.</summary>
    public string? OutputPath { get; init; }

    /// <summary>Format to write: Safetensors, PyTorch, or Gguf for models that are in it; null for what the output's name asks for, Gguf where the source is in it, and Safetensors elsewhere.</summary>
    public ModelFormat? Format { get; init; }

    /// <summary>Element type of the merged weights; null for what the dense model had.</summary>
    public TensorDType? DType { get; init; }

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
            throw new LowRankToolsException(CoreErrors.OutputFormatNotWritten, $"Merged models are not written as graphs of {format}: the graph from before the factorization is the merged one.", "Write Safetensors or PyTorch.");
        OutputCheck.Options(OutputPath, Format, DType, MaxShardBytes);
    }
}
