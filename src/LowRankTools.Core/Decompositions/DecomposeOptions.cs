using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Decompositions;

/// <summary>Everything that <see cref="DecomposeTensors"/> can be told.</summary>
public sealed record DecomposeOptions
{
    /// <summary>Name of the method, one of <see cref="DecompositionMethods.All"/>.</summary>
    public required string Method { get; init; }

    /// <summary>Ranks, tolerance, modes, sweeps, starts; threads and seed.</summary>
    public required DecompositionOptions Decomposition { get; init; }

    /// <summary>Which tensors; by default all of three modes or more, or for a method of matrices those of linear maps. Others must be named.</summary>
    public LayerSelection Selection { get; init; } = new();

    /// <summary>Where the model goes, <see cref="OutputLocation"/>; null for a folder beside the source.</summary>
    public string? OutputPath { get; init; }

    /// <summary>Format to write: Safetensors, whose metadata hold the record.</summary>
    public ModelFormat Format { get; init; } = ModelFormat.Safetensors;

    /// <summary>Element type of the factors; null for the source's own, or F16 for quantised sources.</summary>
    public TensorDType? DType { get; init; }

    /// <summary>Most bytes of tensor data a file; zero for one file.</summary>
    public long MaxShardBytes { get; init; }

    /// <summary>Whether existing output is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Whether nothing is written. Factors are computed all the same: their ranks may follow from the values.</summary>
    public bool WhatIf { get; init; }

    /// <summary>Where bytes go.</summary>
    internal OutputDisk Disk { get; init; } = OutputDisk.Local;

    /// <summary>The method and what it is asked for: <c>Tucker, ranks 32 x 32 x 3 x 3</c>.</summary>
    internal string Rule
    {
        get
        {
            string ranks = Decomposition.Ranks switch { null => "", [int one] => FormattableString.Invariant($", rank {one}"), var several => $", ranks {string.Join(" x ", several)}" };
            string tolerance = Decomposition.Tolerance is { } t ? FormattableString.Invariant($", tolerance {t}") : "";
            string modes = Decomposition.Modes is { } chosen ? $", modes {string.Join(", ", chosen)}" : "";
            return $"{DecompositionMethods.Find(Method).Name}{ranks}{tolerance}{modes}";
        }
    }

    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>OutputFormatNotWritten</c>.</exception>
    public void Validate()
    {
        if (Format != ModelFormat.Safetensors)
            throw new LowRankToolsException(CoreErrors.OutputFormatNotWritten, $"Decomposed tensors are not written as {Format}: their record is in safetensors' metadata.", "Write Safetensors.");
        DecompositionMethods.Find(Method).Check(Decomposition);
        OutputCheck.Options(OutputPath, Format, DType, MaxShardBytes);
    }
}
