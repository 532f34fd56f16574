using System.Collections;
using System.Management.Automation;
using LowRankTools.Core.Layers;
using LowRankTools.PowerShell.Completion;

namespace LowRankTools.PowerShell.Commands;

public sealed partial class NewRankPlanCommand
{
    /// <summary>Layers that Get-LayerShapes found: exactly these are planned, in the models they are from.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = nameof(InputObject)), ValidateNotNull]
    public LayerShape? InputObject { get; set; }

    /// <summary>Bare shapes, outputs x inputs.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = nameof(Shape)), ValidateNotNullOrEmpty]
    public string[]? Shape { get; set; }

    /// <summary>One rank for all layers.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int Rank { get; set; }

    /// <summary>Most of its parameters that each layer keeps.</summary>
    [Parameter]
    public double KeepRatio { get; set; }

    /// <summary>Least share of its energy that each layer keeps.</summary>
    [Parameter]
    public double Energy { get; set; }

    /// <summary>Times that the chosen layers together have fewer parameters.</summary>
    [Parameter]
    public double TargetReduction { get; set; }

    /// <summary>Most parameters of the whole model.</summary>
    [Parameter]
    public long ParameterBudget { get; set; }

    /// <summary>Most bytes of all tensors of the whole model.</summary>
    [Parameter]
    public long ByteBudget { get; set; }

    /// <summary>Largest error of the chosen layers together.</summary>
    [Parameter]
    public double MaxRelativeError { get; set; }

    /// <summary>Times that the chosen layers together are faster, by times measured here.</summary>
    [Parameter]
    public double TargetSpeedup { get; set; }

    /// <summary>Tokens that layers are called with where they are timed.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int BatchSize { get; set; } = 128;

    /// <summary>Smallest rank of a pair.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int MinRank { get; set; } = 1;

    /// <summary>Ranks are multiples of this.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int Multiple { get; set; } = 1;

    /// <summary>Ranks by hand: patterns of layers, each with a rank or the word Dense.</summary>
    [Parameter, ValidateNotNull]
    public IDictionary? LayerRank { get; set; }

    /// <summary>What weights become; without it matrices become pairs, and convolutions stay as they are.</summary>
    [Parameter, ValidateSet("Svd", "Tucker", "Cp", "SpatialSvd", "TensorTrain", "Pivoted", "Auto")]
    public string? Method { get; set; }

    /// <summary>Modes that TensorTrain splits a size into, such as 4x8x8x4 for 1024; sizes without any are split evenly.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string[]? ModeSplit { get; set; }

    /// <summary>Patterns of kernels that are those of transposed convolutions, which a state dict does not tell from others.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? TransposedConvolution { get; set; }

    /// <summary>Patterns of layers to choose; all linear layers by default.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Include { get; set; }

    /// <summary>Patterns of layers to leave as they are.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Exclude { get; set; }

    /// <summary>Whether embeddings are chosen too.</summary>
    [Parameter]
    public SwitchParameter IncludeEmbedding { get; set; }

    /// <summary>How the errors of layers are added up.</summary>
    [Parameter, ValidateSet("Relative", "Absolute", "Calibrated", "FirstOrder")]
    public string? Weighting { get; set; }

    /// <summary>File with the layers' inputs or their Gram matrices, by which errors are counted.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? Calibration { get; set; }

    /// <summary>How much of the calibration is used.</summary>
    [Parameter, ValidateSet("Full", "Inputs", "Diagonal", "Blended", "Swept")]
    public string CalibrationMode { get; set; } = "Full";

    /// <summary>Whether adapters are planned: the weights stay, and only what is trained beside them counts.</summary>
    [Parameter]
    public SwitchParameter Adapter { get; set; }

    /// <summary>Whether spectra are computed whatever the cache holds, and not kept.</summary>
    [Parameter]
    public SwitchParameter NoCache { get; set; }
}
