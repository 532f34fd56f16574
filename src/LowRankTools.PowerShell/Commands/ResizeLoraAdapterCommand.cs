using System.Management.Automation;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.PowerShell.Binding;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Gives adapters other ranks.</summary>
[Cmdlet(VerbsCommon.Resize, "LoraAdapter", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(AdapterResult), typeof(FileInfo))]
public sealed class ResizeLoraAdapterCommand : RankedAdapterCommandBase
{
    private ResizeAdapter Operation(AdapterOutputOptions output) => new(AdapterRanks.Required(Rule), output, Alpha);

    private protected override void ValidateOptions()
    {
        AdapterRanks.Required(Rule).Validate();
        Output.Validate();
    }

    private protected override void ProcessModel(ModelSource source) =>
        Write(source, Operation(Output).Location(source), "Resize", (output, progress, token) => Operation(output).Run(source, progress, token));
}
