using System.Management.Automation;
using LowRankTools.Core.Comparison;
using LowRankTools.Core.Models;
using LowRankTools.PowerShell.Completion;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Compares the weights of models with those of a reference, tensor by tensor.</summary>
[Cmdlet(VerbsData.Compare, "ModelWeight", DefaultParameterSetName = PathSet)]
[OutputType(typeof(TensorDifference))]
public sealed class CompareModelWeightCommand : PathCommandBase
{
    private ModelSource? _reference;

    /// <summary>The model that is taken as true: a file, or a folder that holds one model.</summary>
    [Parameter(Mandatory = true, Position = 0), ValidateNotNullOrEmpty]
    public string ReferencePath { get; set; } = string.Empty;

    /// <inheritdoc/>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty, SupportsWildcards]
    public override string[]? Path { get; set; }

    /// <summary>Whether the rank of every difference is found, which costs its singular values.</summary>
    [Parameter]
    public SwitchParameter IncludeRank { get; set; }

    /// <summary>Engine that computes ranks; the embedded one by default.</summary>
    [Parameter, ValidateSet("Auto", "Embedded", "TorchSharp")]
    public string Engine { get; set; } = "Auto";

    /// <summary>Device to compute on.</summary>
    [Parameter, ValidateNotNullOrEmpty, ArgumentCompleter(typeof(DeviceNameCompleter))]
    public string? Device { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Required(null, () => TellEngine(Choice(Engine, Device)));
        Required(ReferencePath, () => _reference = OneModel(ReferencePath));
    }

    private protected override void ProcessModel(ModelSource source) =>
        Stream<TensorDifference>(source.Name, (progress, token) => new CompareModels(IncludeRank, Choice(Engine, Device)).Run(_reference!, source, progress, token), WriteObject);
}
