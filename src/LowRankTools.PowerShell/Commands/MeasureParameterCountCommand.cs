using System.Management.Automation;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Models;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Counts the parameters of models from their headers.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "ParameterCount", DefaultParameterSetName = PathSet)]
[OutputType(typeof(ParameterCount))]
public sealed class MeasureParameterCountCommand : HeaderCommandBase
{
    /// <summary>Type name under which the views show the layers too.</summary>
    private const string DetailedType = "LowRankTools.Core.Counting.ParameterCount#Detailed";

    /// <summary>Whether the layers are listed too.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    private protected override void ProcessModel(ModelSource source)
    {
        PSObject count = PSObject.AsPSObject(Read(source, remote => CountParameters.Run(source, Detailed, remote)));
        if (Detailed)
            count.TypeNames.Insert(0, DetailedType);
        WriteObject(count);
    }
}
