using System.Management.Automation;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Adds adapters to the weights of a base model, each of them to a model of its own.</summary>
[Cmdlet(VerbsData.Merge, "LoraAdapter", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(MergeAdapterResult), typeof(FileInfo))]
public sealed class MergeLoraAdapterCommand : WriteCommandBase
{
    private ModelSource? _base;

    /// <summary>The model that the adapters were trained on: a file, or a folder that holds one model.</summary>
    [Parameter(Mandatory = true, Position = 1), ValidateNotNullOrEmpty]
    public string BasePath { get; set; } = string.Empty;

    /// <summary>Strength of the adapter: 1 as it was trained, -1 to take it out again.</summary>
    [Parameter]
    public double Weight { get; set; } = 1;

    /// <summary>Numerator of the scale, for adapters that do not say theirs.</summary>
    [Parameter]
    public double? Alpha { get; set; }

    private MergeAdapterOptions Options => new()
    {
        OutputPath = FullOutputPath,
        Format = ChosenFormat,
        DType = ChosenDType,
        Weight = Weight,
        Alpha = Alpha,
        MaxShardBytes = MaxShardSize,
        Force = Force,
    };

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Required(BasePath, () => _base = OneModel(BasePath));
    }

    private protected override void ValidateOptions() => Options.Validate();

    private protected override void ProcessModel(ModelSource source)
    {
        MergeAdapterOptions options = Options;
        OutputLocation location = new MergeAdapter(options).Location(_base!, source);
        if (MayWrite(source, location, "Merge") is not { } write)
            return;
        MergeAdapter operation = new(options with { WhatIf = !write });
        MergeAdapterResult result = Run(source.Name, (progress, token) => operation.Run(_base!, source, progress, token));
        WriteResult(result, result.Path, result.Written, result.Displaced, result.Note);
    }
}
