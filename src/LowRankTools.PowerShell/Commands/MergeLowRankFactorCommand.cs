using System.Management.Automation;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Writes the dense model that a factorized model stands for.</summary>
[Cmdlet(VerbsData.Merge, "LowRankFactor", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(MergeResult), typeof(FileInfo))]
public sealed class MergeLowRankFactorCommand : WriteCommandBase
{
    private MergeOptions Options => new()
    {
        OutputPath = FullOutputPath,
        Format = ChosenFormat,
        DType = ChosenDType,
        MaxShardBytes = MaxShardSize,
        Force = Force,
    };

    private protected override void ValidateOptions() => Options.Validate();

    private protected override void ProcessModel(ModelSource source)
    {
        MergeOptions options = Options;
        OutputLocation location = new MergeModel(options).Location(source);
        if (MayWrite(source, location, "Merge") is not { } write)
            return;
        MergeModel operation = new(options with { WhatIf = !write });
        MergeResult result = Run(source.Name, (progress, token) => operation.Run(source, progress, token));
        WriteResult(result, result.Path, result.Written, result.Displaced, result.Note);
    }
}
