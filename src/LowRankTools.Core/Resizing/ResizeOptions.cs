using LowRankTools.Core.Engines;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Resizing;

/// <summary>Everything that <see cref="ResizeModel"/> can be told.</summary>
public sealed record ResizeOptions
{
    /// <summary>Share of the hidden units that stays, above 0 and at most 1; null where <see cref="HiddenSize"/> says how many.</summary>
    public double? KeepRatio { get; init; }

    /// <summary>Hidden units that stay; null where <see cref="KeepRatio"/> says which share.</summary>
    public int? HiddenSize { get; init; }

    /// <summary>Features that every head of attention has afterwards, of queries, keys and values alike; null leaves those of queries and keys.</summary>
    public int? HeadSize { get; init; }

    /// <summary>Features that every head of values has afterwards; null for those of <see cref="HeadSize"/>. Where it is another number, only this project's networks run the model.</summary>
    public int? ValueSize { get; init; }

    /// <summary>How the units, and the heads' features, that stay are chosen.</summary>
    public UnitSelection Selection { get; init; }

    /// <summary>What the layers that read hidden units were fed, and how much is added to its diagonal; the mode and the refit say nothing here.</summary>
    public required CalibrationOptions Calibration { get; init; }

    /// <summary>Where the model goes, <see cref="OutputLocation"/>; null for a folder beside the source.</summary>
    public string? OutputPath { get; init; }

    /// <summary>Format to write: Safetensors, PyTorch, or Gguf for models that are in it; null for what the output's name asks for, Gguf where the source is in it, and Safetensors elsewhere.</summary>
    public ModelFormat? Format { get; init; }

    /// <summary>Element type of the weights that are computed; null for their own.</summary>
    public TensorDType? DType { get; init; }

    /// <summary>Most bytes of tensor data a file; zero for one file.</summary>
    public long MaxShardBytes { get; init; }

    /// <summary>Whether existing output is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Whether nothing is computed and written.</summary>
    public bool WhatIf { get; init; }

    /// <summary>What computes.</summary>
    public EngineChoice Engine { get; init; } = EngineChoice.Auto;

    /// <summary>Threads; zero for all cores.</summary>
    public int ThreadCount { get; init; }

    /// <summary>Where bytes go.</summary>
    internal OutputDisk Disk { get; init; } = OutputDisk.Local;

    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>OutputFormatNotWritten</c>, <c>PathNotFound</c> of the calibration.</exception>
    public void Validate()
    {
        if (KeepRatio is not null && HiddenSize is not null || KeepRatio is null && HiddenSize is null && !ResizesHeads)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "How many hidden units stay is said by a share or by a number, or the size of a head is said.", "Give -KeepRatio or -HiddenSize, one of them, or -HeadSize, or -ValueSize.");
        if (HeadSize is { } head && (head < 2 || head % 2 != 0))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A head of {head} features cannot be: rotary positions turn pairs of them.", "Give -HeadSize an even number, at least 2.");
        if (KeepRatio is { } share && !(share is > 0 and <= 1))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A share of {share} of the hidden units cannot stay.", "Give -KeepRatio a number above 0 and at most 1.");
        if (HiddenSize is < 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{HiddenSize} hidden units cannot stay.", "Give -HiddenSize a whole number, at least 1.");
        if (ValueSize is < 1)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A head of values of {ValueSize} features cannot be.", "Give -ValueSize a whole number, at least 1.");
        if ((Format ?? (OutputPath is null ? null : OutputLocation.FormatOf(OutputPath))) is { } format && format.IsGraph())
            throw new LowRankToolsException(CoreErrors.OutputFormatNotWritten, "Graphs are not written with layers of other sizes.", "Write Safetensors or PyTorch.");
        OutputCheck.Options(OutputPath, Format, DType, MaxShardBytes);
        Calibration.Validate();
    }

    /// <summary>Whether feed-forward parts get smaller.</summary>
    internal bool ResizesHidden => KeepRatio is not null || HiddenSize is not null;

    /// <summary>Whether heads get smaller.</summary>
    internal bool ResizesHeads => HeadSize is not null || ValueSize is not null;

    /// <summary>Hidden units that stay of a number of them.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: there are fewer.</exception>
    internal int Kept(int hidden, string path) => HiddenSize is not { } size ? Math.Max(1, (int)Math.Round(KeepRatio!.Value * hidden, MidpointRounding.AwayFromZero))
        : size <= hidden ? size : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{path}: the model's {hidden} hidden units cannot become {size}.", "Give -HiddenSize a smaller number.");
}
