using System.Management.Automation;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Text;
using LowRankTools.Core.Training;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Trains factorized models to do what the original does.</summary>
[Cmdlet(VerbsCommon.Optimize, "LowRankModel", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(OptimizeResult))]
public sealed class OptimizeLowRankModelCommand : TrainingCommandBase
{
    private readonly OutputClaims _claims = new();
    private ModelSource? _reference;
    private OptimizeOptions? _options;

    /// <summary>The original: a file, or a folder that holds one model.</summary>
    [Parameter(Mandatory = true, Position = 1), ValidateNotNullOrEmpty]
    public string ReferencePath { get; set; } = string.Empty;

    /// <summary>A weight file, or a folder in which each model gets a folder of its name; beside the source by default.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? OutputPath { get; set; }

    /// <summary>Whether everything is trained, and not the pairs alone.</summary>
    [Parameter]
    public SwitchParameter TrainAll { get; set; }

    /// <summary>Whether existing output is replaced.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Required(ReferencePath, () =>
        {
            _options = (OptimizeOptions)With(new OptimizeOptions { Input = Input, OutputPath = OutputPath is null ? null : Resolver.Literal(OutputPath), TrainAll = TrainAll, Force = Force });
            _options.Validate();
            _reference = OneModel(ReferencePath);
        });
    }

    private protected override void ProcessModel(ModelSource source)
    {
        OutputLocation location = new OptimizeModel(_options!, _reference!).Location(source);
        _claims.Claim(location, source);
        string what = SafeText.Line($"Train '{source.Path}' towards '{_reference!.Path}' and write '{location.WeightsPath}'");
        bool write = ShouldProcess($"{what}.", $"{what}?", "LowRankTools", out ShouldProcessReason reason);
        if (!write && reason != ShouldProcessReason.WhatIf)
            return;
        OptimizeResult result = Run(source.Name, (progress, token) => new OptimizeModel(_options! with { WhatIf = !write }, _reference!).Run(source, progress, token));
        if (result.Note.Length > 0)
            Warn(result.Note);
        WriteObject(result);
    }
}
