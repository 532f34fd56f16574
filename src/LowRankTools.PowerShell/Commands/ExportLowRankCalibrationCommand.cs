using System.Management.Automation;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Calibration.Collecting;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Text;
using LowRankTools.PowerShell.Binding;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Makes calibration files from running models and a text.</summary>
[Cmdlet(VerbsData.Export, "LowRankCalibration", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(CalibrationResult))]
public sealed class ExportLowRankCalibrationCommand : TextCommandBase
{
    private readonly OutputClaims _claims = new();
    private string? _outputPath, _checkpointPath;

    /// <summary>The file to write; one called after the model by default.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? OutputPath { get; set; }

    /// <summary>What the gradients at the layers' outputs are those of.</summary>
    [Parameter, ValidateSet("Auto", "None", "Projection", "NextToken")]
    public string Gradient { get; set; } = "Auto";

    /// <summary>Whether the loss's gradients at the weights are collected too.</summary>
    [Parameter]
    public SwitchParameter WeightGradient { get; set; }

    /// <summary>A plan, or the path of its file: inputs are collected behind its layers, which are compressed one after the other.</summary>
    [Parameter, RankPlanTransformation, ValidateNotNull]
    public RankPlan? Plan { get; set; }

    /// <summary>Share of the lines that nothing will be fitted on.</summary>
    [Parameter]
    public double HeldOut { get; set; } = 0.1;

    /// <summary>File to save the sums in; where it exists, the collection goes on from it.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? CheckpointPath { get; set; }

    /// <summary>Batches from one saving to the next.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int CheckpointEvery { get; set; } = 50;

    /// <summary>Chooses the held-out lines and the signs of projections; the same seed gives the same bytes.</summary>
    [Parameter, ValidateRange(0, int.MaxValue)]
    public int Seed { get; set; }

    /// <summary>Whether an existing file is replaced.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private ExportCalibrationOptions Options => new()
    {
        Input = Input,
        OutputPath = _outputPath,
        HeldOut = HeldOut,
        Gradients = Enum.Parse<GradientSource>(Gradient, ignoreCase: true),
        WeightGradients = WeightGradient,
        Plan = Plan,
        Pooling = ChosenPooling,
        BatchSize = BatchSize,
        CheckpointPath = _checkpointPath,
        CheckpointEvery = CheckpointEvery,
        Seed = (ulong)Seed,
        Engine = ChosenEngine,
        ThreadCount = ThreadCount,
        Force = Force,
    };

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Required(OutputPath, () =>
        {
            _outputPath = OutputPath is null ? null : Resolver.Literal(OutputPath);
            _checkpointPath = CheckpointPath is null ? null : Resolver.Literal(CheckpointPath);
            Options.Validate();
        });
    }

    private protected override void ProcessModel(ModelSource source)
    {
        OutputLocation location = new ExportCalibration(Options).Location(source);
        _claims.Claim(location, source);
        string what = SafeText.Line($"Run '{source.Path}' on '{Input.TextPath ?? Input.TokenPath}' and write '{location.WeightsPath}'");
        bool write = ShouldProcess($"{what}.", $"{what}?", "LowRankTools", out ShouldProcessReason reason);
        if (!write && reason != ShouldProcessReason.WhatIf)
            return;
        CalibrationResult result = Run(source.Name, (progress, token) => new ExportCalibration(Options with { WhatIf = !write }).Run(source, progress, token));
        if (result.WithoutGradients.Count > 0)
            Warn($"{source.Path}: no gradient came to {string.Join(", ", result.WithoutGradients)}; leave these layers out of plans that are made with this calibration.");
        WriteObject(result);
    }
}
