using System.Management.Automation;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Writes adapters in other layouts.</summary>
[Cmdlet(VerbsData.Convert, "LoraAdapter", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(AdapterResult), typeof(FileInfo))]
public sealed class ConvertLoraAdapterCommand : RankedAdapterCommandBase
{
    private ModelSource? _base;

    /// <summary>The model that the adapters belong to: a file, or a folder that holds one model.</summary>
    [Parameter(Position = 1), ValidateNotNullOrEmpty]
    public string? BasePath { get; set; }

    private ConvertAdapter Operation(AdapterOutputOptions output) => new(Rule, output, Alpha);

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (BasePath is not null)
            Required(BasePath, () => _base = OneModel(BasePath));
    }

    private protected override void ValidateOptions()
    {
        Rule?.Validate();
        Output.Validate();
    }

    private protected override void ProcessModel(ModelSource source) =>
        Write(source, Operation(Output).Location(source), "Convert", (output, progress, token) => Operation(output).Run(source, _base, progress, token));
}
