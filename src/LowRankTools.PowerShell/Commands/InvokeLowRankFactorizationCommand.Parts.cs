using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Parts;
using LowRankTools.Core.Plans;

namespace LowRankTools.PowerShell.Commands;

// The whole model, or one part of its layers.
public sealed partial class InvokeLowRankFactorizationCommand
{
    /// <summary>One part of how many to work on, such as 3/16; Join-LowRankPart completes the model.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? Part { get; set; }

    private PartNumber? ChosenPart => Part is null ? null : PartNumber.Parse(Part);

    private void Check(FactorizeOptions options)
    {
        if (ChosenPart is { } part)
            new FactorizePart(options, part).Validate();
        else
            options.Validate();
    }

    private OutputLocation Location(FactorizeOptions options, ModelSource source) =>
        ChosenPart is { } part ? new FactorizePart(options, part).Location(source) : new FactorizeModel(options).Location(source);

    private FactorizationResult Factorize(FactorizeOptions options, ModelSource source, IProgress<OperationProgress> progress, CancellationToken cancellationToken) =>
        ChosenPart is { } part ? new FactorizePart(options, part).Run(source, progress, cancellationToken) : new FactorizeModel(options).Run(source, progress, cancellationToken);
}
