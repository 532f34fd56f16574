using System.Management.Automation;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.PowerShell.Binding;
using LowRankTools.PowerShell.Completion;

namespace LowRankTools.PowerShell.Commands;

public sealed partial class InvokeLowRankFactorizationCommand
{
    // Rules are taken beside a plan too, so that the error says which contradict each other.
    private const string PlanPathSet = nameof(Plan) + nameof(Path);
    private const string PlanLiteralPathSet = nameof(Plan) + nameof(LiteralPath);

    /// <inheritdoc/>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PathSet)]
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PlanPathSet)]
    [ValidateNotNullOrEmpty, SupportsWildcards]
    public override string[]? Path { get; set; }

    /// <inheritdoc/>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PlanLiteralPathSet)]
    [Alias("PSPath", "LP", "FullName"), ValidateNotNullOrEmpty]
    public override string[]? LiteralPath { get; set; }

    /// <summary>Layers that Get-LayerShapes found: exactly these are factorized, in the models they are from.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = nameof(InputObject)), ValidateNotNull]
    public LayerShape? InputObject { get; set; }

    /// <summary>One rank for all layers.</summary>
    [Parameter(ParameterSetName = PathSet), Parameter(ParameterSetName = LiteralPathSet), Parameter(ParameterSetName = nameof(InputObject))]
    [Parameter(ParameterSetName = PlanPathSet), Parameter(ParameterSetName = PlanLiteralPathSet)]
    [ValidateRange(1, int.MaxValue)]
    public int Rank { get; set; }

    /// <summary>Most of its parameters that a layer keeps, between 0 and 1.</summary>
    [Parameter(ParameterSetName = PathSet), Parameter(ParameterSetName = LiteralPathSet), Parameter(ParameterSetName = nameof(InputObject))]
    [Parameter(ParameterSetName = PlanPathSet), Parameter(ParameterSetName = PlanLiteralPathSet)]
    public double KeepRatio { get; set; }

    /// <summary>Least share of its energy (squared singular values) that a layer keeps, above 0 and at most 1.</summary>
    [Parameter(ParameterSetName = PathSet), Parameter(ParameterSetName = LiteralPathSet), Parameter(ParameterSetName = nameof(InputObject))]
    [Parameter(ParameterSetName = PlanPathSet), Parameter(ParameterSetName = PlanLiteralPathSet)]
    public double Energy { get; set; }

    /// <summary>A plan, or the path of its file. Without a path of a model, it is the model that was planned.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = nameof(Plan))]
    [Parameter(Mandatory = true, ParameterSetName = PlanPathSet), Parameter(Mandatory = true, ParameterSetName = PlanLiteralPathSet)]
    [RankPlanTransformation, ValidateNotNull]
    public RankPlan? Plan { get; set; }

    /// <summary>Whether the plan may have been made for another model that has the planned layers too.</summary>
    [Parameter(ParameterSetName = nameof(Plan)), Parameter(ParameterSetName = PlanPathSet), Parameter(ParameterSetName = PlanLiteralPathSet)]
    public SwitchParameter AnyModel { get; set; }

    /// <summary>What weights become; without it matrices become pairs, and convolutions stay as they are.</summary>
    [Parameter, ValidateSet("Svd", "Tucker", "Cp", "SpatialSvd", "TensorTrain", "Pivoted", "Auto")]
    public string? Method { get; set; }

    /// <summary>Modes that TensorTrain splits a size into, such as 4x8x8x4 for 1024; sizes without any are split evenly.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string[]? ModeSplit { get; set; }

    /// <summary>Patterns of kernels that are those of transposed convolutions, which a state dict does not tell from others.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? TransposedConvolution { get; set; }

    /// <summary>Patterns of layers to factorize; all linear layers by default.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Include { get; set; }

    /// <summary>Patterns of layers to leave dense.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Exclude { get; set; }

    /// <summary>Whether embeddings are factorized too.</summary>
    [Parameter]
    public SwitchParameter IncludeEmbedding { get; set; }

    /// <summary>Which factor the singular values go to.</summary>
    [Parameter, ValidateSet("Balanced", "Left", "Right")]
    public string Split { get; set; } = "Balanced";

    /// <summary>Most layers of one kind, in blocks that follow each other, that share the factor next to their inputs.</summary>
    [Parameter, ValidateRange(2, int.MaxValue)]
    public int ShareBasis { get; set; }

    /// <summary>Patterns of layers that keep a factor of their own all the same.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? ShareBasisExclude { get; set; }

    /// <summary>Whether zero biases are written for both factors, for modules whose layers all have one.</summary>
    [Parameter]
    public SwitchParameter FirstBias { get; set; }

    /// <summary>File with the layers' inputs or their Gram matrices: the truncation then loses the least on those inputs.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? Calibration { get; set; }

    /// <summary>How much of the calibration is used.</summary>
    [Parameter, ValidateSet("Full", "Inputs", "Diagonal", "Blended", "Swept")]
    public string CalibrationMode { get; set; } = "Full";

    /// <summary>Whether one factor is fitted again, by least squares on the calibration inputs, to the other as it is stored.</summary>
    [Parameter]
    public SwitchParameter CalibrationRefit { get; set; }
}
