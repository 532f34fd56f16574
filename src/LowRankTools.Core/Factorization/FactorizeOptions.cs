using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>Everything that <see cref="FactorizeModel"/> can be told.</summary>
public sealed record FactorizeOptions
{
    /// <summary>How ranks are chosen.</summary>
    public required RankRule Rule { get; init; }

    /// <summary>Which layers are factorized; all linear ones by default.</summary>
    public LayerSelection Selection { get; init; } = new();

    /// <summary>Where the model goes, <see cref="OutputLocation"/>; null for a folder beside the source.</summary>
    public string? OutputPath { get; init; }

    /// <summary>Format to write: Safetensors or PyTorch.</summary>
    public ModelFormat Format { get; init; } = ModelFormat.Safetensors;

    /// <summary>Element type of the factors, and of what the output format cannot hold as it is; null for the
    /// source's own, or F16 for quantised sources.</summary>
    public TensorDType? DType { get; init; }

    /// <summary>Which factor the singular values go to.</summary>
    public FactorSplit Split { get; init; }

    /// <summary>
    /// Whether biases of zeros are written for both factors of a linear layer (the second one's only where the layer has
    /// no bias to move there), for modules whose pairs are <c>nn.Sequential(nn.Linear(in, r), nn.Linear(r, out))</c>.
    /// </summary>
    public bool FirstBias { get; init; }

    /// <summary>Inputs that the truncation is fitted to; null for the weights alone.</summary>
    public CalibrationOptions? Calibration { get; init; }

    /// <summary>Most bytes of tensor data a file; zero for one file.</summary>
    public long MaxShardBytes { get; init; }

    /// <summary>Whether existing output is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Whether only the plan is made and nothing is written.</summary>
    public bool WhatIf { get; init; }

    /// <summary>What computes.</summary>
    public EngineChoice Engine { get; init; } = EngineChoice.Auto;

    /// <summary>Seed, threads and accuracy of the decompositions.</summary>
    public SvdOptions Svd { get; init; } = SvdOptions.Default;

    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>EngineUnavailable</c>, or <c>PathNotFound</c> of a calibration.</exception>
    public void Validate()
    {
        Rule.Validate();
        OutputCheck.Options(OutputPath, Format, DType, MaxShardBytes);
        EngineSelector.Select(Engine);
        Calibration?.Validate();
    }
}
