using System.Management.Automation;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Resizing;
using LowRankTools.PowerShell.Completion;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Makes the feed-forward parts and heads of transformers smaller; the models stay dense.</summary>
[Cmdlet(VerbsCommon.Resize, "TransformerModel", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(ResizeResult), typeof(FileInfo))]
public sealed class ResizeTransformerModelCommand : WriteCommandBase
{
    private string? _calibration;

    /// <summary>Calibration file with the inputs of the layers that read hidden units, and of attention's.</summary>
    [Parameter(Mandatory = true, Position = 1), ValidateNotNullOrEmpty]
    public string Calibration { get; set; } = string.Empty;

    /// <summary>Share of the hidden units that stays.</summary>
    [Parameter]
    public double? KeepRatio { get; set; }

    /// <summary>Hidden units that stay, as a number.</summary>
    [Parameter]
    public int? HiddenSize { get; set; }

    /// <summary>Features of every head of attention afterwards.</summary>
    [Parameter]
    public int? HeadSize { get; set; }

    /// <summary>Features of every head of values afterwards, where they are others than those of queries.</summary>
    [Parameter]
    public int? ValueSize { get; set; }

    /// <summary>How the units, and the heads' features, that stay are chosen.</summary>
    [Parameter, ValidateSet("Elimination", "Leverage")]
    public string Selection { get; set; } = "Elimination";

    /// <summary>Threads to compute with; every core by default.</summary>
    [Parameter, ValidateRange(1, 256)]
    public int ThreadCount { get; set; }

    /// <summary>Engine that computes; the embedded one by default.</summary>
    [Parameter, ValidateSet("Auto", "Embedded", "TorchSharp")]
    public string Engine { get; set; } = "Auto";

    /// <summary>Device to compute on.</summary>
    [Parameter, ValidateNotNullOrEmpty, ArgumentCompleter(typeof(DeviceNameCompleter))]
    public string? Device { get; set; }

    private ResizeOptions Options => new()
    {
        KeepRatio = KeepRatio,
        HiddenSize = HiddenSize,
        HeadSize = HeadSize,
        ValueSize = ValueSize,
        Selection = Enum.Parse<UnitSelection>(Selection, ignoreCase: true),
        Calibration = new CalibrationOptions { Path = _calibration ??= Resolver.Literal(Calibration) },
        OutputPath = FullOutputPath,
        Format = ChosenFormat,
        DType = ChosenDType,
        MaxShardBytes = MaxShardSize,
        Engine = Choice(Engine, Device),
        ThreadCount = ThreadCount,
        Force = Force,
    };

    private protected override void ValidateOptions()
    {
        Options.Validate();
        TellEngine(Options.Engine);
    }

    private protected override void ProcessModel(ModelSource source)
    {
        ResizeOptions options = Options;
        if (MayWrite(source, new ResizeModel(options).Location(source), "Make") is not { } write)
            return;
        ResizeResult result = Run(source.Name, (progress, token) => new ResizeModel(options with { WhatIf = !write }).Run(source, progress, token));
        WriteResult(result, result.Path, result.Written, result.Displaced, result.Note);
    }
}
