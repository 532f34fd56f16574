using System.Management.Automation;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Holds adapters against a base model, from headers alone.</summary>
[Cmdlet(VerbsDiagnostic.Test, "LoraAdapter", DefaultParameterSetName = PathSet)]
[OutputType(typeof(AdapterCheck))]
public sealed class TestLoraAdapterCommand : PathCommandBase
{
    private ModelSource? _base;
    private CheckAdapter? _operation;

    /// <summary>The model that the adapters should fit: a file, or a folder that holds one model.</summary>
    [Parameter(Mandatory = true, Position = 1), ValidateNotNullOrEmpty]
    public string BasePath { get; set; } = string.Empty;

    /// <summary>Where a merged model would go, for the room on its disk; beside the base model by default.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? OutputPath { get; set; }

    /// <summary>Numerator of the scale, for adapters that do not say theirs.</summary>
    [Parameter]
    public double? Alpha { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Required(BasePath, () => _base = OneModel(BasePath));
        Required(OutputPath, () => _operation = new CheckAdapter(Alpha, OutputPath is null ? null : Resolver.Literal(OutputPath)));
    }

    private protected override void ProcessModel(ModelSource source) => WriteObject(Run(source.Name, (_, _) => _operation!.Run(source, _base!)));
}
